// Who the client is, so that a page can offer only what its token allows.
import { SCOPES } from '../auth/scope.ts';
import { principalOf } from '../auth/auth.ts';
import * as resources from '../schemas/resources.ts';
import { defineRoute, type Route } from './route.ts';

export function principalRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/principal',
      operationId: 'getPrincipal',
      tag: 'service',
      summary: 'Whose token the request has, and what it allows',
      description: 'Where the service needs no tokens, the name is null and everything is allowed.',
      scope: 'read',
      success: {
        status: 200,
        description: 'the owner of the token',
        schema: resources.principal,
        example: { name: 'token:dashboard', scopes: ['read'] },
      },
      handle: (_input, ctx) => {
        const principal = principalOf(ctx);
        ctx.set('cache-control', 'no-store');
        return { name: principal?.name ?? null, scopes: [...(principal?.scopes ?? SCOPES)] };
      },
    }),
  ];
}
