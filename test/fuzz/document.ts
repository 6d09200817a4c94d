// The OpenAPI document as the fuzzer uses it: its operations, and which operation a request addresses.
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly examples?: readonly unknown[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface MediaType {
  readonly schema: Schema;
  readonly example?: unknown;
}

type Content = Readonly<Record<string, MediaType>>;

export interface ResponseDoc {
  readonly $ref?: string;
  readonly content?: Content;
  readonly headers?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface OperationDoc {
  readonly operationId: string;
  readonly 'x-scope': string | null;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, ResponseDoc>>;
}

export interface Document {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationDoc>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, ResponseDoc>>;
  };
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  /** Under the server's prefix: `/spaces/{id}`. */
  readonly path: string;
  readonly scope: string | null;
  readonly parameters: readonly Parameter[];
  readonly content: Content | undefined;
  /** The successful status. That of a dry run comes before it. */
  readonly success: string;
  response(status: number): ResponseDoc | undefined;
}

export class Api {
  readonly document: Document;
  readonly prefix: string;
  readonly operations: readonly Operation[];

  constructor(document: Document) {
    this.document = document;
    this.prefix = document.servers[0]?.url ?? '';
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, doc]) => this.#operation(path, method, doc)),
    );
  }

  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const found = this.document.components.schemas[schema.$ref.split('/').at(-1) ?? ''];
    if (!found) throw new Error(`the document has no ${schema.$ref}`);
    return found;
  }

  /**
   * The operation that a method and path address: HEAD counts as GET, and a literal path precedes one with a parameter.
   */
  operationAt(method: string, pathname: string): Operation | undefined {
    if (!pathname.startsWith(this.prefix)) return undefined;
    const path = pathname.slice(this.prefix.length).replace(/\/$/, '');
    const paths = Object.keys(this.document.paths);
    const at =
      paths.find((each) => each === path) ??
      paths.find((each) => new RegExp(`^${each.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path));
    return this.operations.find((each) => each.path === at && each.method === (method === 'HEAD' ? 'GET' : method));
  }

  #operation(path: string, method: string, doc: OperationDoc): Operation {
    return {
      id: doc.operationId,
      method: method.toUpperCase(),
      path,
      scope: doc['x-scope'],
      parameters: doc.parameters ?? [],
      content: doc.requestBody?.content,
      success: Object.keys(doc.responses).findLast((status) => status.startsWith('2')) ?? '',
      response: (status) => {
        const declared = doc.responses[status];
        return declared?.$ref === undefined
          ? declared
          : this.document.components.responses[declared.$ref.split('/').at(-1) ?? ''];
      },
    };
  }
}
