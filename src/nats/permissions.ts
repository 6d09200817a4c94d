// The NATS subjects that each role may publish and subscribe to. A DPU may publish its own readings and heartbeats,
// and receive only the acknowledgements; the service may do exactly what its code does.
import { DISPLAYS_BUCKET } from './display-store.ts';
import { FLOOR_PLAN_IMAGES, FLOOR_PLANS_BUCKET } from './floor-plan-store.ts';
import { DEVICES_API, MQTT_CONSUMER, MQTT_MESSAGES } from './mqtt-messages.ts';
import { CHECKPOINTS, DEAD_LETTERS, DEVICE_SUBJECTS, FORWARDED, READINGS, SPACE_EVENTS, TOPOLOGY } from './streams.ts';

export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

const OWN_STREAMS = [READINGS, FORWARDED, SPACE_EVENTS, TOPOLOGY, DEAD_LETTERS, CHECKPOINTS];
/** The streams behind the key-value buckets, and behind the object store. */
const [LEASES, DISPLAYS, FLOOR_PLANS] = ['KV_density_leases', `KV_${DISPLAYS_BUCKET}`, `KV_${FLOOR_PLANS_BUCKET}`];
const IMAGES = `OBJ_${FLOOR_PLAN_IMAGES}`;

/**
 * The server replaces `{{name()}}` by the user's name, which is the DPU's token (scoped signing keys). Everything
 * below the DPU's own subject is allowed, because MQTT acknowledges and drops messages that are not permitted.
 */
export const DPU_PERMISSIONS: Permissions = {
  publish: ['', '/.'].flatMap((slash) => [
    `${slash}dpu.{{name()}}`,
    `${slash}dpu.{{name()}}.>`,
    `${slash}ingest.*.{{name()}}`,
    `${slash}ingest.*.{{name()}}.>`,
  ]),
  subscribe: ['_INBOX_dpu.{{name()}}.>'],
};

/** MQTT clients get acknowledgements without an inbox. */
export const MQTT_DPU_PERMISSIONS: Permissions = { publish: DPU_PERMISSIONS.publish, subscribe: [] };

/** Subjects that the service's account exports to the DPUs' account. */
export const DPU_SUBJECTS = DEVICE_SUBJECTS;

/** Subjects that the DPUs' account exports to the service's account, by their name in each of the two. */
export const MQTT_SUBJECTS = [
  ...[
    `STREAM.CREATE.${MQTT_MESSAGES}`,
    `STREAM.INFO.${MQTT_MESSAGES}`,
    // The client uses this subject for a consumer with a list of filters, even of one.
    `CONSUMER.DURABLE.CREATE.${MQTT_MESSAGES}.${MQTT_CONSUMER}`,
    `CONSUMER.INFO.${MQTT_MESSAGES}.${MQTT_CONSUMER}`,
    `CONSUMER.MSG.NEXT.${MQTT_MESSAGES}.${MQTT_CONSUMER}`,
  ].map((call) => ({ theirs: `$JS.API.${call}`, ours: `${DEVICES_API}.${call}` })),
  { theirs: `$JS.ACK.${MQTT_MESSAGES}.${MQTT_CONSUMER}.>`, ours: `$JS.ACK.${MQTT_MESSAGES}.${MQTT_CONSUMER}.>` },
] as const;

export const SERVICE_PERMISSIONS: Permissions = {
  publish: [
    'dpu.*.>',
    'readings.*.tick',
    'routers.*',
    'topology.>',
    'dead.>',
    'checkpoints.>',
    '$KV.density_leases.>',
    `$KV.${DISPLAYS_BUCKET}.>`,
    `$KV.${FLOOR_PLANS_BUCKET}.>`,
    `$O.${FLOOR_PLAN_IMAGES}.>`,
    // Between processes of the service: questions to the owner of a space, live changes, and replies.
    'density.>',
    '_INBOX.>',
    '$JS.API.INFO',
    ...[...OWN_STREAMS, LEASES, DISPLAYS, FLOOR_PLANS, IMAGES].flatMap((stream) => [
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
    // The only streams whose settings are changed, and the only ones that are purged.
    ...[LEASES, SPACE_EVENTS, READINGS, FORWARDED, DEAD_LETTERS].map((stream) => `$JS.API.STREAM.UPDATE.${stream}`),
    ...[SPACE_EVENTS, READINGS, DEAD_LETTERS, IMAGES].map((stream) => `$JS.API.STREAM.PURGE.${stream}`),
    ...MQTT_SUBJECTS.map(({ ours }) => ours),
    // For watching leases, for listing displays and floor plans, and for reading images: push consumers with flow control.
    ...[LEASES, DISPLAYS, FLOOR_PLANS, IMAGES].map((stream) => `$JS.FC.${stream}.>`),
    `$JS.ACK.>`,
  ],
  subscribe: ['_INBOX.>', 'density.>'],
};

/** For people, who may also change, purge and delete streams. */
export const ADMIN_PERMISSIONS: Permissions = { publish: ['>'], subscribe: ['>'] };
