// Saves an answer as a file. A plain link could not carry the token.
import { API, ApiProblem } from './client.ts';
import { messages } from '../i18n/i18n.ts';
import { authorization } from './session.ts';

/** @throws ApiProblem */
export async function downloadCsv(path: string, name: string): Promise<void> {
  const response = await fetch(`${API}${path}`, { headers: { ...authorization(), accept: 'text/csv' } });
  if (!response.ok) throw new ApiProblem(messages.failed(response.status));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
