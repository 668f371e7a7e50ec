/** The API document as a page: no scripts, and no style that is not in a file, as the content security policy has it. */
import { html } from 'hono/html'
import type { ApiDocument } from './openapi.ts'

type Html = ReturnType<typeof html>
type Operation = NonNullable<NonNullable<ApiDocument['paths'][string]>['get']>
/** The part of JSON Schema that our documents use. */
interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly oneOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly format?: string
}

const METHODS = ['get', 'post', 'put', 'delete'] as const
const GROUPS: Record<string, string> = {
  devices: 'Devices',
  events: 'Events: the way up',
  batches: 'Batches: the way down',
  tasks: 'Tasks, artifacts and rows',
  server: 'The server',
  admin: 'For the operator',
}

export function docsPage({ info, paths, components }: ApiDocument) {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => (item[method] ? [{ path, method, operation: item[method] }] : [])),
  )
  const groups = Object.entries(GROUPS)
    .map(([tag, title]) => ({
      tag,
      title,
      found: operations.filter(({ operation }) => operation.tags?.includes(tag)),
    }))
    .filter(({ found }) => found.length > 0)
  const schemas = Object.entries((components.schemas ?? {}) as Record<string, Schema>)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} ${info.version}: the API</title>
<link rel="stylesheet" href="/api/docs.css">
</head>
<body>
<header>
<h1>${info.title} <small>${info.version}</small></h1>
<p>${info.description}</p>
<p><a href="/api/openapi.json">openapi.json</a></p>
</header>
<nav aria-label="Contents"><ul>
${groups.map(({ tag, title }) => html`<li><a href="#${tag}">${title}</a></li>`)}
<li><a href="#schemas">Schemas</a></li>
</ul></nav>
<main>
${groups.map(
  ({ tag, title, found }) =>
    html`<section id="${tag}"><h2>${title}</h2>${found.map(({ path, method, operation }) => operationOf(path, method, operation))}</section>`,
)}
<section id="schemas"><h2>Schemas</h2>
${schemas.map(([name, schema]) => html`<details id="schema-${name}"><summary><code>${name}</code></summary>${shapeOf(schema)}</details>`)}
</section>
</main>
</body>
</html>`
}

function operationOf(path: string, method: string, operation: Operation): Html {
  const by = operation.security?.some((one) => 'admin' in one) ? 'the operator' : 'a device'
  const body = operation.requestBody as
    | { description?: string; content: Record<string, { schema?: Schema }> }
    | undefined
  const parameters = (operation.parameters ?? []) as { name: string; schema: Schema }[]
  return html`<article id="${operation.operationId ?? ''}">
<h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code></h3>
<p><strong>${operation.summary}</strong>${operation.security ? html` <span class="by">shows the credential of ${by}</span>` : ''}</p>
${operation.description ? html`<p>${prose(operation.description)}</p>` : ''}
${
  parameters.length > 0
    ? html`<dl>${parameters.map(({ name, schema }) => html`<dt><code>${name}</code></dt><dd>${typeOf(schema)}</dd>`)}</dl>`
    : ''
}
${body ? html`<h4>Body</h4><p>${body.description}</p>${contentOf(body.content)}` : ''}
<h4>Answers</h4>
<dl class="answers">${Object.entries(operation.responses ?? {}).map(([status, answer]) => answerOf(status, answer as ResponseObject))}</dl>
</article>`
}

interface ResponseObject {
  readonly description: string
  readonly content?: Record<string, { schema?: Schema }>
  readonly headers?: Record<string, { description?: string }>
}

const answerOf = (status: string, { description, content, headers = {} }: ResponseObject): Html =>
  html`<dt class="s${status.slice(0, 1)}">${status}</dt><dd>${prose(description)}${
    status < '400' && content ? contentOf(content) : ''
  }${
    status < '400'
      ? Object.entries(headers).map(
          ([name, { description: what }]) => html`<p class="type"><code>${name}</code>: ${what}</p>`,
        )
      : ''
  }</dd>`

const contentOf = (content: Record<string, { schema?: Schema }>): Html =>
  html`${Object.entries(content).map(
    ([media, { schema }]) =>
      html`<p class="type"><code>${media}</code>${schema ? html`: ${typeOf(schema)}` : ''}</p>`,
  )}`

/** An object's properties one by one; of anything else its type. */
function shapeOf(schema: Schema): Html {
  const variants = schema.oneOf ?? schema.anyOf
  if (variants) return html`<p>One of:</p>${variants.map(shapeOf)}`
  if (!schema.properties) return html`<p>${typeOf(schema)}</p>`
  const { properties, required = [] } = schema
  return html`<dl>${Object.entries(properties).map(
    ([name, property]) =>
      html`<dt><code>${name}</code>${required.includes(name) ? '' : ' (optional)'}</dt><dd>${typeOf(property)}${
        property.description ? html`. ${property.description}` : ''
      }${inner(property)}</dd>`,
  )}</dl>`
}

/** Text with code between backticks. */
const prose = (text: string): Html =>
  html`${text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))}`

/** What an object within an object looks like. */
function inner({ items, properties, oneOf, anyOf, ...rest }: Schema): Html | '' {
  if (properties) return shapeOf({ properties, ...rest })
  if (items && (items.properties ?? items.oneOf)) return shapeOf(items)
  return (oneOf ?? anyOf) ? html`${(oneOf ?? anyOf)!.filter((one) => one.properties).map(shapeOf)}` : ''
}

/** A type in a line. */
function typeOf(schema: Schema): Html {
  const { $ref, type, items, minimum, maximum, minLength, maxLength, minItems, maxItems, format } = schema
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1)!
    return html`<a href="#schema-${name}">${name}</a>`
  }
  if ('const' in schema) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (schema.enum)
    return html`${schema.enum.map((one, i) => html`${i > 0 ? ' or ' : ''}<code>${JSON.stringify(one)}</code>`)}`
  if (items) return html`list of ${range(minItems, maxItems)} ${typeOf(items)}`
  if (schema.oneOf ?? schema.anyOf)
    return html`${(schema.oneOf ?? schema.anyOf)!.map((one, i) => html`${i > 0 ? ' or ' : ''}${typeOf(one)}`)}`
  const what = format ?? type ?? 'anything'
  const length = range(minLength, maxLength)
  return html`${what}${length ? ` of ${length} characters` : ''} ${range(minimum, maximum)}`
}

/** The largest whole number that JavaScript tells from its neighbours is no limit that anyone chose. */
function range(from: number | undefined, to: number | undefined): string {
  const most = to === undefined || to >= Number.MAX_SAFE_INTEGER ? undefined : to
  const least = from === undefined || from <= Number.MIN_SAFE_INTEGER ? undefined : from
  if (least === undefined && most === undefined) return ''
  if (most === undefined) return `${least} or more`
  return `${least ?? 'up'} to ${most}`
}

export const DOCS_CSS = `:root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 18%, transparent); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 48rem; padding: 1rem 1rem 4rem; font: 1rem/1.55 system-ui, sans-serif; }
h1 { margin: 0.5rem 0; font-size: 1.6rem; }
h1 small { font-weight: 400; opacity: 0.7; }
h2 { margin: 2.5rem 0 0.5rem; font-size: 1.25rem; }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
h4 { margin: 1rem 0 0; font-size: 0.85rem; opacity: 0.75; }
p { margin: 0.4rem 0; }
code { font: 0.92em ui-monospace, monospace; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 1rem 0; padding: 0; list-style: none; }
nav a, summary { display: inline-block; padding: 0.6rem 0; min-height: 44px; }
summary { display: list-item; cursor: pointer; }
article { margin: 0.75rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: 0.75rem; }
.method { display: inline-block; min-width: 4rem; padding: 0 0.4rem; border-radius: 0.4rem; background: #475569; color: #fff; text-align: center; font-size: 0.8rem; }
.get { background: #1d4ed8; }
.post, .put { background: #166534; }
.delete { background: #991b1b; }
.by, .type { font-size: 0.88rem; opacity: 0.8; }
dl { display: grid; grid-template-columns: minmax(3.5rem, max-content) 1fr; gap: 0.25rem 0.9rem; margin: 0.4rem 0; }
dt { font-weight: 600; font-variant-numeric: tabular-nums; }
dd { margin: 0; min-width: 0; }
dd dl { padding-left: 0.9rem; border-left: 2px solid var(--line); }
details { border-top: 1px solid var(--line); }
@media (max-width: 30rem) { dl:not(.answers) { grid-template-columns: 1fr; } dd { margin-bottom: 0.4rem; } }
`
