// Unpacks the browser into the folder in TMPDIR, and prints the arguments that it needs. A process of its own, because the package
// reads and changes the environment.
import chromium from '@sparticuz/chromium';

await chromium.executablePath();
process.stdout.write(JSON.stringify(chromium.args));
