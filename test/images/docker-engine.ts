// The Docker engine for the tests: the one running on this machine, or one of their own, which leaves no image,
// container, network or firewall rule behind.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { runProgram, type ProgramOptions } from './program.ts';

/** The environment variables by which the Docker CLI of another process reaches the same engine. */
export type DockerAddress = Readonly<Record<string, string>>;

/** Something must be installed first; the message says what, in one line. */
export class DockerMissingError extends Error {
  override readonly name = 'DockerMissingError';
}

export const INSTALL =
  'On Debian, as root: apt-get install docker.io debootstrap iptables. Elsewhere install Docker Engine or Docker Desktop.';
const ANSWERS_WITHIN_MS = 10_000;
const STARTS_WITHIN_MS = 60_000;
const DAEMON = '/usr/sbin/dockerd';
/** Containers of one network reach each other, even after another dockerd has left the machine's firewall forward nothing. */
const BRIDGED = ['FORWARD', '-i', 'br-+', '-o', 'br-+', '-j', 'ACCEPT'];

interface OwnDaemon {
  readonly child: ChildProcess;
  readonly folder: string;
}

export class DockerEngine {
  readonly address: DockerAddress;
  readonly #own: OwnDaemon | undefined;
  /** Removed when the tests end. */
  readonly #images: string[] = [];

  private constructor(address: DockerAddress, own?: OwnDaemon) {
    this.address = address;
    this.#own = own;
  }

  static at(address: DockerAddress): DockerEngine {
    return new DockerEngine(address);
  }

  /** @throws DockerMissingError */
  static async findOrStart(printLine: (line: string) => void): Promise<DockerEngine> {
    // BuildKit is a CLI plug-in that Debian's docker.io lacks, and the Dockerfile does not need it.
    const builder = { DOCKER_BUILDKIT: '0' };
    try {
      await runProgram('docker', ['--version']);
    } catch (error) {
      throw new DockerMissingError(`There is no Docker on this machine. ${INSTALL}`, { cause: error });
    }
    const found = new DockerEngine(builder);
    if (await found.#answers()) return found;
    const isInstalled = await access(DAEMON).then(
      () => true,
      () => false,
    );
    if (!isInstalled || process.getuid?.() !== 0)
      throw new DockerMissingError(
        `No Docker daemon answers: start it, or run this as root with ${DAEMON} installed, and it starts one. ${INSTALL}`,
      );
    return DockerEngine.#start(builder, printLine);
  }

  static async #start(builder: DockerAddress, printLine: (line: string) => void): Promise<DockerEngine> {
    const folder = await mkdtemp(join(tmpdir(), 'density-docker-'));
    printLine(`no Docker daemon answers: starting one in ${folder}`);
    const log = await open(join(folder, 'dockerd.log'), 'a');
    const socket = `unix://${join(folder, 'docker.sock')}`;
    const child = spawn(
      DAEMON,
      [
        ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
        ...['--pidfile', join(folder, 'docker.pid'), '-H', socket],
        // Lowering it takes a capability that root in a container often lacks.
        ...['--oom-score-adjust', '0'],
        // No bridge and no firewall rules, because dockerd would leave them behind; Docker's own proxy serves ports on
        // 127.0.0.1.
        ...['--bridge', 'none', '--iptables=false', '--ip6tables=false', '--ip-forward=false'],
      ],
      { stdio: ['ignore', log.fd, log.fd] },
    );
    await log.close();
    await runProgram('iptables', ['-I', ...BRIDGED]);
    const engine = new DockerEngine({ ...builder, DOCKER_HOST: socket }, { child, folder });
    try {
      await eventually(async () => {
        if (!(await engine.#answers())) throw new Error(`dockerd does not answer; its log is ${folder}/dockerd.log`);
      }, STARTS_WITHIN_MS);
    } catch (error) {
      await engine.dispose();
      throw error;
    }
    return engine;
  }

  /** Runs `docker` with these arguments. @returns what it printed @throws Error with what it complained about */
  async docker(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return runProgram('docker', args, { ...options, env: { ...options.env, ...this.address } });
  }

  /** An image built by this run. */
  remember(image: string): void {
    this.#images.push(image);
  }

  async dispose(): Promise<void> {
    if (!this.#own) {
      if (this.#images.length > 0) await this.docker(['image', 'rm', '--force', ...this.#images]);
      return;
    }
    const { child, folder } = this.#own;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await runProgram('iptables', ['-D', ...BRIDGED]);
    // dockerd does not unmount this.
    await runProgram('umount', [join(folder, 'exec/netns/default')]).catch(() => undefined);
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 1_000 });
  }

  async #answers(): Promise<boolean> {
    return this.docker(['version', '--format', '{{.Server.Version}}'], { withinMs: ANSWERS_WITHIN_MS }).then(
      () => true,
      () => false,
    );
  }
}
