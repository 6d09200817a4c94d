// Who may say and hear what on NATS. A DPU may publish its own readings and heartbeats, and hear
// nothing but the answers to them; the service may do what this code does, and no more.
import { DEVICES_API, MQTT_CONSUMER, MQTT_MESSAGES } from './mqtt-messages.ts';
import { CHECKPOINTS, DEAD_LETTERS, READINGS, SPACE_EVENTS, TOPOLOGY } from './streams.ts';

export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

const OWN_STREAMS = [READINGS, SPACE_EVENTS, TOPOLOGY, DEAD_LETTERS, CHECKPOINTS];
/** The bucket of leases, as the stream that carries it. */
const LEASES = 'KV_density_leases';

/** `{{name()}}` is the name of the user: the DPU's id. The server fills it in (scoped signing keys). */
export const DPU_PERMISSIONS: Permissions = {
  publish: ['dpu.{{name()}}.readings', 'dpu.{{name()}}.heartbeat'],
  subscribe: ['_INBOX_dpu.{{name()}}.>'],
};

/** MQTT has its own acknowledgement and no inbox. */
export const MQTT_DPU_PERMISSIONS: Permissions = { publish: DPU_PERMISSIONS.publish, subscribe: [] };

/** What DPUs may reach of the service's account. */
export const DPU_SUBJECTS = ['dpu.*.readings', 'dpu.*.heartbeat'] as const;

/** What the service may reach of the DPUs' account, as that account calls it, and as the service does. */
export const MQTT_SUBJECTS = [
  ...[
    `STREAM.CREATE.${MQTT_MESSAGES}`,
    `STREAM.INFO.${MQTT_MESSAGES}`,
    `CONSUMER.CREATE.${MQTT_MESSAGES}.${MQTT_CONSUMER}.>`,
    `CONSUMER.INFO.${MQTT_MESSAGES}.${MQTT_CONSUMER}`,
    `CONSUMER.MSG.NEXT.${MQTT_MESSAGES}.${MQTT_CONSUMER}`,
  ].map((call) => ({ theirs: `$JS.API.${call}`, ours: `${DEVICES_API}.${call}` })),
  { theirs: `$JS.ACK.${MQTT_MESSAGES}.${MQTT_CONSUMER}.>`, ours: `$JS.ACK.${MQTT_MESSAGES}.${MQTT_CONSUMER}.>` },
] as const;

export const SERVICE_PERMISSIONS: Permissions = {
  publish: [
    'dpu.*.readings',
    'readings.*.tick',
    'routers.*',
    'topology.>',
    'dead.>',
    'checkpoints.>',
    '$KV.density_leases.>',
    // Between the processes of the service: questions to the owner of a space, and their answers.
    'density.>',
    '_INBOX.>',
    '$JS.API.INFO',
    ...[...OWN_STREAMS, LEASES].flatMap((stream) => [
      `$JS.API.STREAM.CREATE.${stream}`,
      `$JS.API.STREAM.INFO.${stream}`,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      `$JS.API.DIRECT.GET.${stream}`,
      `$JS.API.DIRECT.GET.${stream}.>`,
      `$JS.API.CONSUMER.CREATE.${stream}`,
      `$JS.API.CONSUMER.CREATE.${stream}.>`,
      `$JS.API.CONSUMER.INFO.${stream}.*`,
      `$JS.API.CONSUMER.DELETE.${stream}.*`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
    ]),
    // The only streams whose settings change, and the only ones that are truncated.
    ...[LEASES, SPACE_EVENTS, READINGS, DEAD_LETTERS].map((stream) => `$JS.API.STREAM.UPDATE.${stream}`),
    ...[SPACE_EVENTS, READINGS, DEAD_LETTERS].map((stream) => `$JS.API.STREAM.PURGE.${stream}`),
    ...MQTT_SUBJECTS.map(({ ours }) => ours),
    // Flow control of the lease watcher, which is a push consumer.
    `$JS.FC.${LEASES}.>`,
    `$JS.ACK.>`,
  ],
  subscribe: ['_INBOX.>', 'density.>'],
};

/** For people: may also change, empty and delete streams. */
export const ADMIN_PERMISSIONS: Permissions = { publish: ['>'], subscribe: ['>'] };
