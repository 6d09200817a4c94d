// The time, for texts such as "5 minutes ago".
import { signal } from '@preact/signals';

const STEP_MS = 10_000;

export const nowMs = signal(Date.now());
setInterval(() => (nowMs.value = Date.now()), STEP_MS);
