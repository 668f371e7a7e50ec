import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { draft, text, toySchema } from './fixtures.ts'
import {
  checkFiles,
  manifestBytes,
  readDraft,
  readManifest,
  sealTask,
  TASK_LIMITS,
  taskDraftSchema,
  taskNameSchema,
} from './manifest.ts'

const bytesOf = (value: unknown) => text(JSON.stringify(value))
const files = { script: text('export const run = async () => {}') }

describe('a draft', () => {
  it('comes back as it was written', () => {
    expect(readDraft(bytesOf(draft()))).toEqual(draft())
  })

  it.each([
    ['a field too many', { ...draft(), secret: 1 }, /task\.json: Unrecognized key: "secret"/],
    ['a field too deep', { ...draft(), budget: { ...draft().budget, gpu: 1 } }, /at budget: .*"gpu"/],
    ['a name with a capital', draft({ name: 'Rank' }), /at name: a name of 1 to 40 lower-case letters/],
    [
      'another context',
      draft({ context: 99 }),
      /at context: this Kindred gives tasks a context of version 1/,
    ],
    ['no trigger', draft({ triggers: [] }), /at triggers: /],
    ['a trigger twice', draft({ triggers: [{ on: 'visit' }, { on: 'visit' }] }), /the same trigger twice/],
    ['an unknown trigger', draft({ triggers: [{ on: 'full-moon' } as never] }), /at triggers\.0\.on: /],
    ['a run without end', draft({ budget: { ...draft().budget, ms: 1e9 } }), /at budget\.ms: /],
    [
      'another task’s model written',
      draft({ models: { reads: [], writes: ['train/ranking'] } }),
      /at models\.writes\.0: a name of/,
    ],
    [
      'a path for a model',
      draft({ models: { reads: ['../ranking'], writes: [] } }),
      /at models\.reads\.0: a model, or task\/model/,
    ],
    [
      'an initial model that nobody wants',
      draft({ models: { reads: [], writes: [], initial: 'ranking' } }),
      /at models\.initial: is neither read nor written/,
    ],
    [
      'a schema that contradicts itself',
      draft({ schema: { ...toySchema, userVector: 'item' } }),
      /at schema: userVector must name a dense feature/,
    ],
  ])('with %s is refused, and told where', (_, value, where) => {
    expect(() => readDraft(bytesOf(value))).toThrow(expect.objectContaining({ code: 'bad-input' }))
    expect(() => readDraft(bytesOf(value))).toThrow(where)
  })

  it('that is not JSON, or not UTF-8, or too large, says so', () => {
    expect(() => readDraft(text('{"name": '))).toThrow(/task\.json is not JSON: /)
    expect(() => readDraft(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(/task\.json is not JSON: /)
    expect(() => readDraft(new Uint8Array(TASK_LIMITS.manifest + 1))).toThrow(/65537 bytes, of at most 65536/)
    expect(() => readDraft(new Uint8Array(0))).toThrow('task.json is empty.')
  })

  it('has no name that could be anything but a folder of its own', () => {
    for (const name of [
      '',
      '.',
      '..',
      '.git',
      'git~1',
      'a/b',
      'a\\b',
      'con:',
      'ra​nk',
      'ＲＡＮＫ',
      'rаnk',
      'a b',
      'a\n',
      '-a',
      'A',
    ])
      expect([name, taskNameSchema.safeParse(name).success]).toEqual([name, false])
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { maxLength: 5 }), (codes) => {
        const name = `a${String.fromCharCode(...codes)}`
        if (taskNameSchema.safeParse(name).success) expect(name).toMatch(/^[a-z0-9-]+$/)
      }),
      { seed: 3 },
    )
  })
})

describe('a manifest', () => {
  it('names its files by their SHA-256', async () => {
    const manifest = await sealTask(draft(), 3, { script: text('abc') })
    // FIPS 180-2, appendix B.1.
    const due = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(manifest).toEqual({
      ...draft(),
      format: 1,
      version: 3,
      script: { sha256: due, bytes: 3 },
    })
    expect(readManifest(manifestBytes(manifest))).toEqual(manifest)
  })

  it('has an initial model exactly where the draft names one', async () => {
    const named = draft({ models: { reads: [], writes: ['ranking'], initial: 'ranking' } })
    const model = text('weights')
    await expect(sealTask(named, 1, files)).rejects.toThrow(
      /at model: there is an initial model if, and only if/,
    )
    await expect(sealTask(draft(), 1, { ...files, model })).rejects.toThrow(/at model: /)
    expect((await sealTask(named, 1, { ...files, model })).model?.bytes).toBe(7)
  })

  it('is not made of files that are empty or too large', async () => {
    await expect(sealTask(draft(), 1, { script: text('') })).rejects.toThrow('script.js is empty.')
    const script = new Uint8Array(TASK_LIMITS.script + 1)
    await expect(sealTask(draft(), 1, { script })).rejects.toThrow(/script\.js has 262145 bytes/)
  })

  it('knows its files from any that differ by a byte, are cut short, or are too many', async () => {
    const named = draft({ models: { reads: [], writes: ['ranking'], initial: 'ranking' } })
    const whole = { ...files, model: text('weights') }
    const manifest = await sealTask(named, 1, whole)
    await checkFiles(manifest, whole)
    const swapped = whole.script.with(0, 32)
    await expect(checkFiles(manifest, { ...whole, script: swapped })).rejects.toThrow(
      /script of rank v1 is not/,
    )
    const cut = whole.model.subarray(0, 3)
    await expect(checkFiles(manifest, { ...whole, model: cut })).rejects.toMatchObject({
      code: 'bad-artifact',
    })
    await expect(checkFiles(manifest, files)).rejects.toThrow(/model of rank v1/)
    const none = await sealTask(draft(), 1, files)
    await expect(checkFiles(none, whole)).rejects.toThrow(/model of rank v1/)
  })

  it('has room for any parameters that are JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue()), (hyper) => {
        const plain = JSON.parse(JSON.stringify(hyper))
        expect(taskDraftSchema.parse({ ...draft(), hyper: plain }).hyper).toEqual(plain)
      }),
      { seed: 4 },
    )
  })
})
