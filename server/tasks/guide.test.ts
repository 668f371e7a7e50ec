import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDraft } from '../../shared/tasks/manifest.ts'
import { scriptIn } from './bundle.ts'
import { checkScript } from './script.ts'

const docs = join(import.meta.dirname, '../../docs')
const page = readFileSync(join(docs, 'write-a-task.md'), 'utf8')
const example = (file: string) => readFileSync(join(docs, 'examples/lean', file), 'utf8')
const block = (language: string) => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)![1]!

test('docs/write-a-task.md shows the example as it is', () => {
  expect(block('ts')).toBe(example('script.ts'))
  expect(JSON.parse(block('json'))).toEqual(JSON.parse(example('task.json')))
})

test('the example is a task that could be submitted', async () => {
  expect(readDraft(new TextEncoder().encode(example('task.json'))).name).toBe('rank')
  await checkScript(new TextEncoder().encode(await scriptIn(join(docs, 'examples/lean'))))
})
