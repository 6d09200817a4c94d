// Floor plans and their images.
import { api, ApiProblem, bodyOf, doneOf } from './client.ts';
import { messages } from '../i18n/i18n.ts';
import type { FloorPlan } from './types.ts';

export type Drawing = Pick<FloorPlan, 'name' | 'spaces' | 'doorways'>;

export interface SeenPlan {
  readonly plan: FloorPlan;
  /** Of the plan as it was seen, for a change. */
  readonly etag: string;
}

const idOf = (id: string) => ({ path: { id } });

/** @throws ApiProblem */
export async function loadPlan(id: string): Promise<SeenPlan> {
  const answer = await api.GET('/floor-plans/{id}', { params: idOf(id) });
  return { plan: await bodyOf(Promise.resolve(answer)), etag: answer.response.headers.get('etag') ?? '' };
}

/** @returns the image as a `data:` URL: an address of its own could not carry the token. @throws ApiProblem */
export async function loadPlanImage(id: string): Promise<string> {
  const blob = await bodyOf(api.GET('/floor-plans/{id}/image', { params: idOf(id), parseAs: 'blob' }));
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new ApiProblem(messages.failedUnknown));
    reader.readAsDataURL(blob);
  });
}

/** @param etag undefined for a plan that may not exist yet. @returns the etag of what was saved. @throws ApiProblem */
export async function savePlan(id: string, drawing: Drawing, etag?: string): Promise<string> {
  const { name, spaces, doorways } = drawing;
  const answer = await api.PUT('/floor-plans/{id}', {
    params: { ...idOf(id), header: etag === undefined ? {} : { 'if-match': etag } },
    body: { name, spaces, doorways },
  });
  if (answer.response.status === 412) throw new ApiProblem(messages.planChangedMeanwhile);
  await doneOf(Promise.resolve(answer));
  return answer.response.headers.get('etag') ?? '';
}

/** @throws ApiProblem */
export async function uploadPlanImage(id: string, file: File): Promise<FloorPlan> {
  return bodyOf(
    api.PUT('/floor-plans/{id}/image', {
      params: idOf(id),
      body: '',
      bodySerializer: () => file,
      headers: { 'content-type': file.type || 'application/octet-stream' },
    }),
  );
}
