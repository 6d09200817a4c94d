#!/usr/bin/env node
// The command line: runs the compiled code, after compiling it if a source changed.
import { setFlagsFromString } from 'node:v8';
import { run } from './build.js';

// A large service answers late while V8 does a major garbage collection. V8 does the next one when the heap is two and a half times as
// large as the last one left it. By default it chooses a factor between 1.1 and 4, which was 1.4 for a large service (docs/adr/0122).
setFlagsFromString('--heap-growing-percent=150');

await run('main');
