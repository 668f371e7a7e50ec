/** What every catalogue of strings needs from its language: numbers, plurals, lists. */

/** The words of a counted thing, by the plural categories that the language has. */
export type Forms = { readonly other: string } & Partial<Record<Intl.LDMLPluralRule, string>>

/** What takes long to make is made when it is first needed: the first view waits for none of it. */
export function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

export function createGrammar(tag: string) {
  const rules = once(() => new Intl.PluralRules(tag))
  const numbers = once(() => new Intl.NumberFormat(tag))
  const percents = once(() => new Intl.NumberFormat(tag, { style: 'percent', maximumSignificantDigits: 2 }))
  const lists = once(() => new Intl.ListFormat(tag, { type: 'conjunction' }))
  const form = (count: number, forms: Forms): string => forms[rules().select(count)] ?? forms.other
  return {
    /** `1,200`. */
    number: (value: number): string => numbers().format(value),
    /** A share in [0, 1] with two digits: `3.1%`. */
    percent: (share: number): string => percents().format(share),
    /** The word that fits a count. */
    form,
    /** `1 sample`, `1,200 samples`. */
    count: (count: number, forms: Forms): string => `${numbers().format(count)} ${form(count, forms)}`,
    /** `a, b and c`. */
    list: (words: readonly string[]): string => lists().format(words),
  }
}
