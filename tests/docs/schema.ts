/** The configuration's zod schema for others: the JSON schema for editors, and one row for each key. */
import { z } from 'zod';
import { configSchema } from '../../src/config.ts';

export interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: string[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  format?: string;
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
}

/** The ids of promises and faults are for the tests. */
export function withoutIds(text: string): string {
  return text.replace(/ \(F\d+(, F\d+)*\)/g, '');
}

export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-7',
    override({ jsonSchema }) {
      if (jsonSchema.description) jsonSchema.description = withoutIds(jsonSchema.description);
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return schema as JsonSchema;
}

/** `segue.schema.json`. */
export function schemaText(): string {
  const { $schema, ...rest } = configJsonSchema() as JsonSchema & { $schema: string };
  const head = { $schema, title: 'Segue', description: 'The configuration file of segue --config' };
  return `${JSON.stringify({ ...head, ...rest }, null, 2)}\n`;
}

/** Key, type, default, description; `[]` stands for each of a list, `<name>` for each name. */
export function configurationRows(): string[][] {
  return rowsBelow(configJsonSchema(), '');
}

function rowsBelow(schema: JsonSchema, path: string): string[][] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    rowsOf(property, path === '' ? name : `${path}.${name}`, required.has(name)),
  );
}

function rowsOf(schema: JsonSchema, key: string, required: boolean): string[][] {
  if (schema.properties) return [...described(schema, key, required), ...rowsBelow(schema, key)];
  const { items, additionalProperties: values } = schema;
  const own = described(schema, key, required, true);
  if (items?.properties) return [...own, ...rowsBelow(items, `${key}[]`)];
  if (typeof values === 'object' && values.properties) return [...own, ...rowsBelow(values, `${key}.<name>`)];
  return own;
}

/** A section needs no row of its own where its name says it all. */
function described(schema: JsonSchema, key: string, required: boolean, must = false): string[][] {
  if (schema.description === undefined) {
    if (must) throw new Error(`the setting ${key} has no description`);
    return [];
  }
  const standard = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``;
  return [[`\`${key}\``, typeOf(schema), required ? 'required' : standard, schema.description]];
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.type === 'object') return objectType(schema);
  if (schema.type === 'integer') return `whole number${range(schema)}`;
  if (schema.type === 'boolean') return '`true`, `false`';
  return schema.format === 'uri' ? 'URL' : 'text';
}

function objectType({ properties, additionalProperties: values }: JsonSchema): string {
  if (properties || typeof values !== 'object') return 'object';
  return `object: name → ${typeOf(values)}`;
}

function range({ minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const low = minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + 1);
  if (low === undefined) return '';
  return maximum === undefined ? ` from ${low}` : ` ${low} to ${maximum}`;
}
