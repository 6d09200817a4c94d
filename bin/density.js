#!/usr/bin/env node
// The command line: runs the compiled code, after compiling it if a source changed.
import { setFlagsFromString } from 'node:v8';
import { run } from './build.js';

// While V8 does a major collection of garbage, a large service answers late. It comes when what the last one left has grown two and a
// half times. By itself V8 chooses between 1.1 and 4 times, and 1.4 for the heap of a large service (docs/adr/0122).
setFlagsFromString('--heap-growing-percent=150');

await run('main');
