// Uplink messages of The Things Stack 3 (webhook, MQTT, storage) with the decoded payload of a Milesight people
// counter. Other messages (joins, downlinks), and uplinks that were simulated in the console, are ignored.
//
// Source of the format: github.com/TheThingsIndustries/lorawan-stack-docs (integrations/data-formats).
import { defineAdapter } from './define-adapter.ts';
import { timeOf } from './device-time.ts';
import { addUplink, uplinkOptions } from './milesight-uplink.ts';
import { jsonDocuments } from './payload-text.ts';

export const ttn = defineAdapter({
  name: 'ttn',
  options: uplinkOptions,
  read: (payload, _, options, into) =>
    into.each(jsonDocuments(payload), (document) => {
      const message = document.get('result').isObject ? document.get('result') : document;
      const uplink = message.get('uplink_message');
      if (!uplink.exists) return;
      if (message.get('simulated').value === true || uplink.get('simulated').value === true)
        return into.skip(message, 'a simulated uplink does not count');
      const object = uplink.get('decoded_payload');
      if (!object.exists) {
        if (uplink.get('frm_payload').text() === undefined) return;
        return object.fail('is missing: the device has no payload formatter, so counts are undecoded');
      }
      const ids = message.get('end_device_ids');
      // The network server's time, because the application server may receive the uplink much later.
      const received = [uplink.get('received_at'), message.get('received_at')].find(({ exists }) => exists);
      const receivedMs = received ? timeOf(received) : null;
      addUplink({ device: ids.first('dev_eui', 'device_id').text(), receivedMs, object }, options, into);
    }),
});
