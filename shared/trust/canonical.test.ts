import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonical } from './canonical.ts'

describe('canonical JSON', () => {
  it('is that of the example in RFC 8785, §3.2.2 and §3.2.3', () => {
    const value = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    )
    expect(canonical(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    )
  })

  it('orders members by UTF-16 units, as §3.2.3 has it', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6']
    const ordered = Object.keys(
      JSON.parse(canonical(Object.fromEntries(names.map((name) => [`x${name}`, 1])))),
    )
    expect(ordered).toEqual(
      ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'].map((one) => `x${one}`),
    )
  })

  it('is one text for one value, in whatever order its members came, and reads back', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse())
        expect(canonical(turned)).toBe(canonical(value))
        expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
      { seed: 1 },
    )
  })

  it('is not there for what is no JSON', () => {
    for (const value of [
      undefined,
      Number.NaN,
      Infinity,
      '\ud800',
      { a: undefined },
      new Date(0),
      () => 1,
      1n,
    ])
      expect(() => canonical(value)).toThrow(TypeError)
  })
})
