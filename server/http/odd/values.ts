/** Values that fit a JSON Schema. */
import fc from 'fast-check'

/** The part of JSON Schema that describes bodies here. */
export interface JsonSchema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  /** Into `components.schemas` of the same document. */
  readonly $ref?: string
}

/**
 * Values that fit a schema, as large as makes a small test. `parts` are schemas that it refers to; `known` has values for
 * members of objects, by their name, that are right in ways which no schema tells.
 */
export function valuesOf(
  schema: JsonSchema,
  parts: Readonly<Record<string, JsonSchema>> = {},
  known: Readonly<Record<string, readonly unknown[]>> = {},
): fc.Arbitrary<unknown> {
  const of = (part: JsonSchema) => valuesOf(part, parts, known)
  if (schema.$ref !== undefined) return of(parts[schema.$ref.split('/').at(-1)!]!)
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const choice = schema.oneOf ?? schema.anyOf
  if (choice) return fc.oneof(...choice.map(of))
  const { minLength = 0, maxLength = 40, minItems = 0, maxItems = 20 } = schema
  switch (schema.type) {
    case 'object': {
      const members = Object.entries(schema.properties ?? {}).map(([key, member]) => {
        const right = known[key]
        const any = of(member)
        return [
          key,
          right ? fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...right) }, any) : any,
        ] as const
      })
      return fc.record(Object.fromEntries(members), { requiredKeys: [...(schema.required ?? [])] })
    }
    case 'array':
      return fc.array(of(schema.items ?? {}), {
        minLength: minItems,
        maxLength: Math.max(minItems, Math.min(20, maxItems)),
      })
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: Math.min(2e9, schema.maximum ?? 2e9) })
    case 'number':
      return fc.double({
        min: schema.minimum ?? -Number.MAX_VALUE,
        max: schema.maximum ?? Number.MAX_VALUE,
        noNaN: true,
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'string':
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern))
      return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(60, maxLength)), unit: 'binary' })
    default:
      return fc.jsonValue()
  }
}
