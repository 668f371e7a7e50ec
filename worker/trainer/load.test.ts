import { describe, expect, test } from 'vitest'
import { sha256 } from '../../shared/hash.ts'
import type { Run } from '../../shared/tasks/context.ts'
import type { Script } from './job.ts'
import { createLoad, importScript } from './load.ts'

const scriptOf = async (text: string): Promise<Script> => {
  const bytes = new TextEncoder().encode(text)
  return { sha256: await sha256(bytes), bytes }
}
const call = async (run: Promise<Run>) => (await run)(undefined as never)

describe('a script', () => {
  test('is imported from its bytes, whatever is written in it', async () => {
    const script = await scriptOf(
      'const word = "Größe – 大小 🙂"\nexport async function run() { return word }',
    )
    expect(await call(importScript(script))).toBe('Größe – 大小 🙂')
  })

  test('is one module, however often it is asked for', async () => {
    const script = await scriptOf('let runs = 0\nexport const run = async () => ++runs')
    expect(await call(importScript(script))).toBe(1)
    expect(await call(importScript({ ...script }))).toBe(2)
  })

  test.each([
    ['has no run', 'export const walk = () => {}', /it does not export run/],
    ['has a run that is none', 'export const run = 1', /it does not export run/],
    ['is no module', 'export const run = (', /could not be loaded: /],
    ['throws as it begins', 'throw new Error("not today")\nexport const run = 1', /loaded: not today/],
    ['imports another', 'import "node:fs"\nexport const run = () => {}', /says “import”/],
    ['would import another', 'export const run = () => import/**/("node:fs")', /says “import”/],
    ['asks where it is', 'export const run = () => import.meta.url', /says “import”/],
  ])('that %s is refused', async (_, text, why) => {
    const script = await scriptOf(text)
    for (let time = 0; time < 2; time++)
      await expect(importScript(script)).rejects.toMatchObject({
        code: 'bad-artifact',
        message: expect.stringMatching(why),
      })
  })

  test('that is another than was promised is refused before it is looked at', async () => {
    const { bytes } = await scriptOf('export const run = async () => "theirs"')
    const { sha256 } = await scriptOf('export const run = async () => "ours"')
    await expect(importScript({ sha256, bytes })).rejects.toMatchObject({
      code: 'bad-artifact',
      message: 'The script is not the one that was promised.',
    })
  })

  test('has its realm for itself, where it is to be so', async () => {
    const lodged: string[] = []
    const load = createLoad((bytes) => {
      const address = `data:text/javascript,${encodeURIComponent(new TextDecoder().decode(bytes))}`
      lodged.push(address)
      return { address, forget: () => lodged.push('forgotten') }
    }, 1)
    const [one, other] = [
      await scriptOf('export const run = () => 1'),
      await scriptOf('export const run = () => 2'),
    ]
    expect(await call(load(one))).toBe(1)
    await expect(load(other)).rejects.toMatchObject({ code: 'bad-input', message: /its realm is for one/ })
    expect(await call(load(one))).toBe(1)
    expect(lodged).toEqual([expect.stringMatching(/^data:/), 'forgotten'])
  })
})
