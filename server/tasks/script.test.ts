import { describe, expect, it } from 'vitest'
import { text } from '../../shared/tasks/fixtures.ts'
import { checkScript } from './script.ts'

describe('a script', () => {
  it.each([
    'export async function run(context) { return context.task.name }',
    'export const run = async ({ samples }) => (await samples.read("local-training")).ids.length',
    'const half = (n) => n / 2\nasync function run() { return half(4) }\nexport { run }',
    'function work() { return new.target }\nconst go = function () { return "x" }\nexport { go as run }',
  ])('is a module that exports run: %s', (script) => checkScript(text(script)))

  it.each([
    ['import x from "y"\nexport const run = () => x', /line 1: it imports another module/],
    [
      'export const run = async () => {\n  await import("https://evil.invalid")\n}',
      /line 2: it imports another module/,
    ],
    ['export const run = () => {}\nexport * from "y"', /line 2: it exports another module/],
    ['export { run } from "y"', /line 1: it exports another module/],
    [
      '// all is well\nexport const run = () => "import"',
      /line 2: it says “import”, and devices load no script/,
    ],
    ['export const run = () => import.meta.url', /line 1: it asks where it is/],
    ['export const run = () => {}\n\nexport const more = 1', /line 3: it exports more, and run is all/],
    ['export default function run() {}', /line 1: it exports default/],
    ['const run = () => {}', /line 1: it does not export run/],
    ['export const run = 4', /line 1: run is not a function/],
    ['export class run {}', /line 1: run is not a function/],
    ['export const run = () => {', /script\.js is no ES module: /],
    ['', /line 1: it does not export run/],
  ])('that reaches outside, or has no such entry, is refused with the line: %s', async (script, why) => {
    await expect(checkScript(text(script))).rejects.toMatchObject({ code: 'bad-input' })
    await expect(checkScript(text(script))).rejects.toThrow(why)
  })

  it('that is not UTF-8 is refused', async () => {
    await expect(checkScript(Uint8Array.of(0xff))).rejects.toThrow('script.js is not UTF-8.')
  })
})
