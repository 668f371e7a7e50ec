import { parseAst } from 'vite'
import { describe, expect, it } from 'vitest'
import { de } from './de.ts'
import { en, ordinal, plural } from './en.ts'
import { createGrammar } from './grammar.ts'
import { languageFor } from './index.ts'
import { pseudo } from './pseudo.ts'

interface Node {
  type: string
  [key: string]: unknown
}
const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null
const isNode = (value: unknown): value is Node => isTree(value) && typeof (value as Node).type === 'string'

/** Every string and every function of a catalogue, by its path. */
function leaves(from: object, path = ''): [path: string, leaf: string | ((...input: never[]) => string)][] {
  return Object.entries(from).flatMap(([key, value]) =>
    typeof value === 'object' ? leaves(value, `${path}.${key}`) : [[`${path}.${key}`, value]],
  )
}
const shape = (catalogue: object) => leaves(catalogue).map(([path, leaf]) => `${path}: ${typeof leaf}`)
const texts = (catalogue: object) =>
  leaves(catalogue).flatMap(([path, leaf]) => (typeof leaf === 'string' ? [[path, leaf] as const] : []))

describe('the catalogues', () => {
  it('are of one shape', () => {
    expect(shape(de)).toEqual(shape(en))
    expect(shape(pseudo)).toEqual(shape(en))
  })

  it('say something everywhere', () => {
    for (const catalogue of [en, de])
      for (const [path, text] of texts(catalogue))
        if (path !== '.takeout.steps.none') expect(text.trim(), path).not.toBe('')
  })

  it('differ where German has a word of its own', () => {
    const english = new Map(texts(en))
    const same = texts(de).filter(([path, text]) => text && english.get(path) === text)
    for (const [path, text] of same) expect(['Feed', 'Kindred', 'System', 'offline'], path).toContain(text)
  })

  it('the one for tests says all of it longer, and from right to left', () => {
    const strange = new Map(texts(pseudo))
    for (const [path, text] of texts(en)) {
      if (!text) continue
      expect(strange.get(path), path).toContain(`\u202e${text}`)
      expect(strange.get(path)!.length, path).toBeGreaterThan(1.3 * text.length)
    }
    expect(pseudo.card.learns('film')).toContain(en.card.learns('film'))
  })
})

describe('how it is written', () => {
  const sources = import.meta.glob<string>('./{en,de}.ts', { query: '?raw', import: 'default', eager: true })
  function written(node: unknown): string[] {
    if (Array.isArray(node)) return node.flatMap(written)
    if (!isNode(node)) return isTree(node) ? Object.values(node).flatMap(written) : []
    if (node.type === 'Literal') return typeof node.value === 'string' ? [node.value] : []
    if (node.type === 'TemplateElement') return [(node.value as { cooked: string }).cooked]
    return Object.values(node).flatMap(written)
  }
  const all = (file: string) => written(parseAst(sources[file]!, { lang: 'ts' }))

  it('with the signs of print', () => {
    for (const text of [...all('./en.ts'), ...all('./de.ts')]) expect(text).not.toMatch(/["']|\.\.\./)
    // German parts the dots from a whole word, and quotes like „this“.
    for (const text of all('./de.ts')) expect(text).not.toMatch(/[^ ]…|”/)
  })

  it('addresses the reader as du', () => {
    for (const text of all('./de.ts')) expect(text).not.toMatch(/\b(Sie|Ihr|Ihre|Ihnen)\b/)
  })
})

describe('counted words', () => {
  it.each([
    ['story', 'stories'],
    ['film', 'films'],
    ['essay', 'essays'],
    ['match', 'matches'],
    ['box', 'boxes'],
  ])('the English plural of %s is %s', (noun, expected) => expect(plural(noun)).toBe(expected))

  it('one is singular, none and many are plural', () => {
    const { count } = createGrammar('en')
    const story = { one: 'story', other: 'stories' }
    expect([0, 1, 2, 1200].map((n) => count(n, story))).toEqual([
      '0 stories',
      '1 story',
      '2 stories',
      '1,200 stories',
    ])
    expect(createGrammar('de').count(1200, { one: 'Film', other: 'Filme' })).toBe('1.200 Filme')
  })

  it('take the form that the language wants, and the last where it is not given', () => {
    const { form } = createGrammar('pl')
    const file = { one: 'plik', few: 'pliki', many: 'plików', other: 'pliku' }
    expect([1, 3, 5, 22].map((n) => form(n, file)).join(' ')).toBe('plik pliki plików pliki')
    expect(form(5, { other: 'pliku' })).toBe('pliku')
  })

  it('English ordinals know about 11, 12 and 13', () => {
    expect([1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal).join(' ')).toBe(
      '1st 2nd 3rd 4th 11th 12th 13th 21st 112th',
    )
  })

  it('a catalogue’s noun is said in German, and one that is not known by a neutral word', () => {
    expect(de.waiting.clicks(6, 'story')).toMatch(/^Öffne noch 6 Geschichten,/)
    expect(de.waiting.clicks(1, 'film')).toMatch(/^Öffne noch 1 Film,/)
    expect(de.card.learns('film')).toMatch(/^Du hast diesen Film geöffnet/)
    expect(de.card.learns('thingummy')).toMatch(/^Du hast diesen Eintrag geöffnet/)
  })
})

describe('which language', () => {
  const tag = (...input: Parameters<typeof languageFor>) => languageFor(...input).tag
  it('is the one in the address, else the one chosen, else the first of the user’s that there is', () => {
    expect(tag('?lang=de', 'en', ['en'])).toBe('de')
    expect(tag('?lang=xx', 'de', ['en'])).toBe('de')
    expect(tag('', null, ['fr-FR', 'de-AT', 'en'])).toBe('de')
    expect(tag('', null, ['fr'])).toBe('en')
    expect(tag('', 'gone', [])).toBe('en')
  })
  it('the one for tests is only spoken when asked for', () => {
    expect(tag('', null, ['x-rtl', 'de'])).toBe('de')
    expect(languageFor('?lang=x-rtl', null, []).dir).toBe('rtl')
  })
  it('every locale is one that Intl takes', () => {
    for (const query of ['?lang=en', '?lang=de', '?lang=x-rtl'])
      expect(() => new Intl.NumberFormat(languageFor(query, null, []).locale)).not.toThrow()
  })
})

describe('the page’s components', () => {
  const sources = import.meta.glob<string>('../**/*.tsx', { query: '?raw', import: 'default', eager: true })
  const spokenAttributes = new Set(['aria-label', 'title', 'alt', 'placeholder', 'label', 'summary', 'text'])
  /** Said the same in every language. */
  const kept = /^(kindred|[σΔ]\s*=?)$/

  /** The texts that an expression puts onto the page as they stand. */
  function literals(node: unknown): string[] {
    if (!isNode(node)) return []
    switch (node.type) {
      case 'Literal':
        return typeof node.value === 'string' ? [node.value] : []
      case 'TemplateLiteral':
        return (node.quasis as { value: { raw: string } }[]).map(({ value }) => value.raw)
      case 'LogicalExpression':
        return [...literals(node.left), ...literals(node.right)]
      case 'ConditionalExpression':
        return [...literals(node.consequent), ...literals(node.alternate)]
      case 'JSXExpressionContainer':
        return literals(node.expression)
      case 'JSXText':
        return [node.value as string]
      default:
        return []
    }
  }

  function textsIn(node: unknown): string[] {
    if (Array.isArray(node)) return node.flatMap(textsIn)
    if (!isTree(node)) return []
    const found: string[] = []
    if (isNode(node)) {
      if (node.type === 'JSXElement' || node.type === 'JSXFragment')
        found.push(...(node.children as Node[]).flatMap(literals))
      if (node.type === 'JSXAttribute') {
        const component = (node.name as Node).name as string
        if (spokenAttributes.has(component)) found.push(...literals(node.value))
      }
    }
    return [...found, ...Object.values(node).flatMap(textsIn)]
  }
  const loose = (source: string) =>
    textsIn(parseAst(source, { lang: 'tsx' }))
      .map((text) => text.trim())
      .filter((text) => /\p{L}/u.test(text) && !kept.test(text))

  it('the search finds text, wherever it is written', () => {
    const found = loose(`const A = () => (
      <p title="one" class="no" data-x="no">two {b && 'three'} {b ? 'four' : <i>{\`five \${c}\`}</i>} {t.no}</p>
    )`)
    expect(found.sort()).toEqual(['five', 'four', 'one', 'three', 'two'])
  })

  it.each(Object.keys(sources))('%s says nothing that is not in the catalogue', (path) => {
    expect(loose(sources[path]!)).toEqual([])
  })

  it.each(Object.keys(sources))('%s leaves numbers and dates to phrases', (path) => {
    expect(sources[path]).not.toMatch(/toLocale\w*String|\.toFixed\(|new Intl\./)
  })
})
