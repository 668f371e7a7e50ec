/** Whether a script is what a task's has to be: one module by itself, with one entry. */
import { AppError } from '../../shared/failure.ts'
import { whereImport } from '../../shared/tasks/script.ts'

interface Node {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

/** What a script cannot have, because it reaches beyond its context. */
const OUTSIDE: Record<string, string> = {
  ImportDeclaration: 'it imports another module',
  ImportExpression: 'it imports another module',
  ExportAllDeclaration: 'it exports another module',
  MetaProperty: 'it asks where it is',
}

/** Throws `bad-input`, with the line, unless the script exports `run`, a function, and nothing else, and imports nothing. */
export async function checkScript(bytes: Uint8Array): Promise<void> {
  const text = readText(bytes)
  const program = await parse(text)
  const refuse = (at: number, why: string): never => {
    throw new AppError('bad-input', `script.js, line ${text.slice(0, at).split('\n').length}: ${why}.`)
  }
  for (const node of walk(program)) {
    const why =
      node.type === 'MetaProperty' && nameOf(node.meta) !== 'import' ? undefined : OUTSIDE[node.type]
    if (why) refuse(node.start, why)
  }
  const said = whereImport(text)
  if (said >= 0) refuse(said, 'it says “import”, and devices load no script with that word')
  const exported = (program.body as Node[]).flatMap((node) => exportsOf(node))
  for (const { name, at } of exported)
    if (name !== 'run') refuse(at, `it exports ${name}, and run is all that it may`)
  if (exported.length === 0) refuse(0, 'it does not export run')
  const entry = declared(program).find(({ name }) => name === exported[0]!.local)
  if (!entry?.isFunction) refuse(exported[0]!.at, 'run is not a function')
}

function readText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AppError('bad-input', 'script.js is not UTF-8.', { cause })
  }
}

/** The parser is large: it is loaded when it is needed. */
async function parse(text: string): Promise<Node> {
  const { parseAst } = await import('vite')
  try {
    return parseAst(text) as unknown as Node
  } catch (cause) {
    const [line = ''] = (cause as Error).message.split('\n').filter((one) => one.trim() !== '')
    throw new AppError('bad-input', `script.js is no ES module: ${line.trim()}`, { cause })
  }
}

function* walk(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return
  if (typeof (value as Node).type === 'string') yield value as Node
  for (const inner of Object.values(value)) yield* walk(inner)
}

const nameOf = (node: unknown): string => String((node as Node | null)?.name ?? (node as Node | null)?.value)

interface Exported {
  readonly name: string
  readonly local: string
  readonly at: number
}

function exportsOf(node: Node): Exported[] {
  if (node.type === 'ExportDefaultDeclaration') return [{ name: 'default', local: 'default', at: node.start }]
  if (node.type !== 'ExportNamedDeclaration') return []
  if (node.source) return [{ name: 'another module', local: '', at: node.start }]
  const specifiers = (node.specifiers as Node[]).map((one) => ({
    name: nameOf(one.exported),
    local: nameOf(one.local),
    at: node.start,
  }))
  return [
    ...specifiers,
    ...namesIn(node.declaration).map(({ name }) => ({ name, local: name, at: node.start })),
  ]
}

/** What the module declares at its top. */
const declared = (program: Node) =>
  (program.body as Node[]).flatMap((node) =>
    namesIn(node.type === 'ExportNamedDeclaration' ? node.declaration : node),
  )

function namesIn(declaration: unknown): { name: string; isFunction: boolean }[] {
  const node = declaration as Node | null
  if (node?.type === 'FunctionDeclaration') return [{ name: nameOf(node.id), isFunction: true }]
  if (node?.type === 'ClassDeclaration') return [{ name: nameOf(node.id), isFunction: false }]
  if (node?.type !== 'VariableDeclaration') return []
  return (node.declarations as Node[]).map(({ id, init }) => ({
    name: nameOf(id),
    isFunction: /^(Arrow)?FunctionExpression$/.test((init as Node | null)?.type ?? ''),
  }))
}
