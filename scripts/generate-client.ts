// Writes the types of the API's client from its OpenAPI document: `npm run generate:client`.
import { writeFile } from 'node:fs/promises';
import { CLIENT_TYPES, clientTypes } from '../test/support/client-types.ts';

await writeFile(CLIENT_TYPES, await clientTypes());
