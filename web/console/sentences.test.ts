import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ShownRelease } from '../../shared/admin.ts'
import type { Rule } from '../../shared/release/rules.ts'
import { changeSentence, releaseSentence, shareOf, stagesToCome, stateOf, whom } from './sentences.ts'
import { beginWords } from './words/index.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 4, 1, 12)

async function speaking(tag: 'en' | 'de'): Promise<void> {
  vi.stubGlobal('location', { search: `?lang=${tag}` })
  await beginWords()
}
beforeEach(() => {
  vi.stubGlobal('navigator', { languages: ['en'] })
  vi.stubGlobal('document', { documentElement: {} })
  return speaking('en')
})
afterEach(async () => {
  await speaking('en')
  vi.unstubAllGlobals()
})

const rules: readonly (readonly [Rule, en: string, de: string])[] = [
  [{ everyone: true }, 'all devices', 'alle Geräte'],
  [{ country: ['DE', 'FR'] }, 'devices in Germany or France', 'Geräte in Deutschland oder Frankreich'],
  [
    { all: [{ platform: ['android', 'ios'] }, { app: '>=1.4.0' }] },
    'devices (on android or ios) and with an app of version >=1.4.0',
    'Geräte (auf android oder ios) und mit einer App der Version >=1.4.0',
  ],
  [
    { any: [{ not: { language: ['de'] } }, { capabilities: ['webgpu', 'wasm-simd'] }] },
    'devices not that speak German or (that can do webgpu and wasm-simd)',
    'Geräte nicht mit der Sprache Deutsch oder (mit webgpu und wasm-simd)',
  ],
  [
    { not: { any: [{ country: ['AT'] }, { devices: ['a', 'b'] }] } },
    'devices not (in Austria or with one of 2 ids)',
    'Geräte nicht (in Österreich oder mit einer von 2 Kennungen)',
  ],
  [
    { registered: { since: '2026-03-01', before: '2026-04-01' } },
    'devices that came on Mar 1, 2026 or later and that came before Apr 1, 2026',
    'Geräte gekommen am 01.03.2026 oder danach und gekommen vor dem 01.04.2026',
  ],
  [
    { bucket: { salt: 'ab', from: 0, to: 20 } },
    'devices from 0 to under 20% by “ab”',
    'Geräte von 0 bis unter 20\u00a0% nach „ab“',
  ],
  [{ devices: ['d1'] }, 'devices with the id d1', 'Geräte mit der Kennung d1'],
]

describe('a rule in words', () => {
  it.each(rules)('%j', async (rule, english, german) => {
    expect(whom(rule)).toBe(english)
    await speaking('de')
    expect(whom(rule)).toBe(german)
  })

  it('with a share says of what it is one', () => {
    expect(shareOf(20, { everyone: true })).toBe('20% of all devices')
    expect(shareOf(0.5, { country: ['DE'] })).toBe('0.5% of the devices in Germany')
    expect(shareOf(100, { country: ['DE'] })).toBe('devices in Germany')
  })
})

const release = (changes: Partial<ShownRelease> = {}): ShownRelease => ({
  ...{ id: 4, task: 'rank', version: 2, manifest: 'm', salt: 's', percent: 20, rule: { everyone: true } },
  stages: [
    { at: NOW - HOUR, percent: 20 },
    { at: NOW + HOUR, percent: 100 },
  ],
  ...changes,
})

describe('a release in words', () => {
  it.each([
    ['running', {}, 'Goes to 20% of all devices.'],
    ['paused', { paused: NOW - 1 }, 'Goes to 20% of all devices.'],
    ['revoked', { revoked: NOW - 1 }, 'Went to 20% of all devices.'],
    ['ended', { until: NOW }, 'Went to 20% of all devices.'],
    [
      'planned',
      { percent: 0, stages: [{ at: NOW + HOUR, percent: 5 }] },
      /^Will go to 5% of all devices from May 1, 2026, .* on\.$/,
    ],
  ] as const)('that is %s', (state, changes, sentence) => {
    const one = release(changes as Partial<ShownRelease>)
    expect(stateOf(one, NOW)).toBe(state)
    expect(releaseSentence(one, NOW)).toMatch(sentence)
  })

  it('has the stages that are still to come, and none while it stands still', () => {
    expect(stagesToCome(release(), NOW)).toEqual([{ at: NOW + HOUR, percent: 100 }])
    expect(stagesToCome(release({ paused: NOW }), NOW)).toEqual([])
  })
})

describe('a line of the ledger in words', () => {
  it.each([
    [{ type: 'revoke', release: 4 }, 'Rolled back release 4'],
    [{ type: 'kill', task: 'rank' }, 'Killed rank'],
    [{ type: 'approve', task: 'rank', version: 2, manifest: 'm' }, 'Approved rank v2'],
    [
      {
        ...{ type: 'experiment', task: 'rank', rule: { everyone: true }, seed: 'x', holdout: 10, from: 0 },
        arms: [
          { name: 'v2', task: { version: 2, manifest: 'm' }, percent: 45 },
          { name: 'control', task: null, percent: 45 },
        ],
      },
      'Began an experiment on rank: v2: 45%, v2; control: 45%, as without the experiment',
    ],
  ] as const)('%j', (change, sentence) => expect(changeSentence(change as never)).toBe(sentence))
})
