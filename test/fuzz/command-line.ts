// A request as a shell command.
import type { FuzzRequest } from './request.ts';

const TEXT = /^[\t\n\x20-\x7e]*$/;

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function curlOf(api: string, { method, path, headers, body }: FuzzRequest): string {
  const parts = [
    'curl',
    '-i',
    '-g',
    '--path-as-is',
    ...(method === 'HEAD' ? ['--head'] : ['-X', method]),
    quoted(`${api}${path}`),
  ];
  // curl omits a header without a value.
  for (const [name, value] of headers) parts.push('-H', quoted(value === '' ? `${name};` : `${name}: ${value}`));
  if (!body) return parts.join(' ');
  const text = body.toString('latin1');
  if (TEXT.test(text)) return [...parts, '--data-binary', quoted(text)].join(' ');
  return `echo ${body.toString('base64')} | base64 -d | ${[...parts, '--data-binary', '@-'].join(' ')}`;
}

export function rawLineOf(url: string, bytes: Buffer): string {
  const { hostname, port } = new URL(url);
  return `echo ${bytes.toString('base64')} | base64 -d | nc ${hostname} ${port}`;
}
