import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceInfo } from './device.ts'
import { explain, hits, linesOf, type Rule, readRule } from './rules.ts'
import { inRange } from './version-range.ts'

const DAY = 86_400_000
const phone: DeviceInfo = {
  id: '0197a000-0000-7000-8000-000000000001',
  app: '1.4.2',
  platform: 'android',
  country: 'DE',
  language: 'de-AT',
  capabilities: ['webgpu', 'wasm-simd'],
  registered: Date.UTC(2026, 2, 1),
}
const stranger: DeviceInfo = { id: 'nobody' }

describe('a rule', () => {
  it.each<[string, Rule, boolean]>([
    ['everyone', { everyone: true }, true],
    ['an app in range', { app: '>=1.4.0 <2.0.0' }, true],
    ['an app out of range', { app: '>=1.10.0' }, false],
    ['one of two platforms', { platform: ['ios', 'android'] }, true],
    ['another platform', { platform: ['ios'] }, false],
    ['its country', { country: ['DE'] }, true],
    ['another country', { country: ['AT', 'CH'] }, false],
    ['a language with a region', { language: ['de'] }, true],
    ['the same region, spelt otherwise', { language: ['DE-at'] }, true],
    ['another region', { language: ['de-CH'] }, false],
    ['what only begins like it', { language: ['de-A'] }, false],
    ['all capabilities', { capabilities: ['wasm-simd', 'webgpu'] }, true],
    ['one capability too many', { capabilities: ['webgpu', 'background-sync'] }, false],
    ['since that very day', { registered: { since: '2026-03-01' } }, true],
    ['since the day after', { registered: { since: '2026-03-02' } }, false],
    ['before that very day', { registered: { before: '2026-03-01' } }, false],
    ['between days', { registered: { since: '2026-02-01', before: '2026-03-02' } }, true],
    ['itself', { devices: ['x', phone.id] }, true],
    ['others', { devices: ['x'] }, false],
    ['both of two', { all: [{ country: ['DE'] }, { platform: ['android'] }] }, true],
    ['one of two that must both hold', { all: [{ country: ['DE'] }, { platform: ['ios'] }] }, false],
    ['one of two of which one must hold', { any: [{ country: ['AT'] }, { platform: ['android'] }] }, true],
    ['none of two', { any: [{ country: ['AT'] }, { platform: ['ios'] }] }, false],
    ['not another', { not: { platform: ['ios'] } }, true],
  ])('on %s', (_, rule, due) => {
    expect(hits(readRule(rule), phone)).toBe(due)
    expect(explain(rule, phone).hits).toBe(due)
  })

  it('on what a device does not tell hits it not, and `not` of that does', () => {
    const rules: Rule[] = [
      { app: '>=0.0.0' },
      { platform: ['android'] },
      { country: ['DE'] },
      { language: ['de'] },
      { capabilities: ['webgpu'] },
      { registered: { since: '1970-01-01' } },
    ]
    for (const rule of rules)
      expect([hits(rule, stranger), hits({ not: rule }, stranger)]).toEqual([false, true])
  })

  it('counts days in UTC: a millisecond before midnight is the day before', () => {
    const late = { ...phone, registered: Date.UTC(2026, 2, 1) - 1 }
    expect(hits({ registered: { since: '2026-03-01' } }, late)).toBe(false)
    expect(hits({ registered: { before: '2026-03-01' } }, late)).toBe(true)
    expect(
      hits({ registered: { since: '2026-02-28' } }, { ...late, registered: late.registered - DAY + 1 }),
    ).toBe(true)
  })

  it.each([
    ['of two parts', { country: ['DE'], platform: ['ios'] }, /exactly one part/],
    ['of no part', {}, /exactly one part/],
    ['of a part unknown', { colour: ['red'] }, /Unrecognized key: "colour"/],
    [
      'with a country spelt otherwise',
      { all: [{ country: ['Germany'] }] },
      /at all\.0\.country\.0: a country of two/,
    ],
    ['with a range that is none', { not: { app: '>=1.4' } }, /at not\.app: a range of versions/],
    ['with an empty list', { any: [] }, /at any: /],
    ['with a day that is none', { registered: { since: '2026-02-30' } }, /at registered\.since: a day/],
    [
      'with a bucket that ends before it begins',
      { bucket: { salt: 's', from: 20, to: 10 } },
      /at bucket: it ends/,
    ],
    ['with a percentage beyond', { bucket: { salt: 's', from: 0, to: 101 } }, /at bucket\.to: /],
  ])('%s is refused, and told where', (_, value, where) => {
    expect(() => readRule(value)).toThrow(where)
  })

  it('that is too deep is refused, however deep', () => {
    const deep = (levels: number) =>
      JSON.parse(`${'{"not":'.repeat(levels)}{"everyone":true}${'}'.repeat(levels)}`)
    expect(readRule(deep(7))).toEqual(deep(7))
    expect(() => readRule(deep(8))).toThrow('rules go 8 deep at most')
    expect(() => readRule(deep(5000))).toThrow('rules go 8 deep at most')
  })

  it('says for people why it hits, part by part', () => {
    const rule: Rule = {
      all: [
        { platform: ['ios', 'android'] },
        { not: { country: ['AT', 'DE', 'CH'] } },
        { any: [{ app: '>=2.0.0' }, { capabilities: ['webgpu', 'gamepad'] }] },
      ],
    }
    expect(linesOf(explain(rule, phone))).toEqual([
      'no   all of',
      '  yes  runs on ios or android; it is android',
      '  no   not',
      '    yes  is in AT, DE or CH; it is DE',
      '  no   any of',
      '    no   has an app of >=2.0.0; it is 1.4.2',
      '    no   can do webgpu and gamepad; it is webgpu and wasm-simd',
    ])
    expect(explain({ country: ['DE'] }, stranger).says).toBe('is in DE; it is not known')
  })
})

const leaf: fc.Arbitrary<Rule> = fc.oneof(
  fc.constant({ everyone: true as const }),
  fc.constantFrom('DE', 'AT').map((one) => ({ country: [one] })),
  fc.constantFrom('ios', 'android').map((one) => ({ platform: [one] })),
  fc.nat(100).map((to) => ({ bucket: { salt: 's', from: 0, to } })),
)
const { rule: anyRule } = fc.letrec<{ rule: Rule }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    tie('rule').map((not) => ({ not })),
  ),
}))
const anyDevice = fc.record({
  id: fc.uuid(),
  country: fc.constantFrom('DE', 'FR'),
  platform: fc.constantFrom('ios', 'web'),
})

describe('any rule', () => {
  it('survives being read, obeys De Morgan, and is explained as it is evaluated', () => {
    fc.assert(
      fc.property(anyRule, anyRule, anyDevice, (one, other, device) => {
        expect(readRule(JSON.parse(JSON.stringify(one)))).toEqual(one)
        const neither: Rule = { not: { any: [one, other] } }
        expect(hits(neither, device)).toBe(hits({ all: [{ not: one }, { not: other }] }, device))
        expect(explain(one, device).hits).toBe(hits(one, device))
      }),
      { seed: 1 },
    )
  })
})

describe('a range of versions', () => {
  it.each([
    ['1.4.2', '1.4.2', true],
    ['1.4.2', '=1.4.2', true],
    ['1.4.2', '>1.4.2', false],
    ['1.4.2', '>=1.4.2', true],
    ['1.4.2', '<1.4.10', true],
    ['1.4.2', '<=1.4.1', false],
    ['2.0.0', '>=1.0.0 <2.0.0', false],
    ['2.1.0', '>=1.0.0 <2.0.0 || 2.1.0', true],
    ['1.4', '>=1.0.0', false],
  ])('%s in %s: %s', (version, range, due) => {
    expect(inRange(version, range)).toBe(due)
  })

  it('has each version below, at or above any other', () => {
    const version = fc.tuple(fc.nat(12), fc.nat(12), fc.nat(12)).map((numbers) => numbers.join('.'))
    fc.assert(
      fc.property(version, version, (one, other) => {
        const found = ['<', '=', '>'].filter((sign) => inRange(one, `${sign}${other}`))
        expect(found).toHaveLength(1)
        expect(inRange(one, `<=${other}`)).toBe(found[0] !== '>')
      }),
      { seed: 1 },
    )
  })
})
