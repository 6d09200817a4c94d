#!/usr/bin/env node
// The command line: runs the compiled code, after compiling it if a source changed.
import { run } from './build.js';

await run('main');
