/** The scopes of tokens. A route whose scope is `null` needs no token. */
export const SCOPES = ['read', 'readings:write', 'topology:write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
