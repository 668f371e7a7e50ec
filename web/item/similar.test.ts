import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Catalogue } from '../../shared/catalogue.ts'
import { similarTo, tellsApart } from './similar.ts'

const catalogue = (items: number[][], categories = ['a', 'b', 'c']): Catalogue => ({
  name: 'toy',
  noun: 'thing',
  categories,
  items: items.map((categories, i) => ({ key: `k${i}`, title: `${i}`, categories })),
})

it('those that share the most come first, and the item itself never', () => {
  // Jaccard with {a, b}: k1 1, k2 ½, k3 ⅔, k4 0
  const toy = catalogue([[0, 1], [0, 1], [1], [0, 1, 2], [2]])
  expect(similarTo(toy, toy.items[0]!)).toEqual(['k1', 'k3', 'k2', 'k4'])
})

it('which of equal ones is drawn: the same each time, and others for another item', () => {
  const toy = catalogue(Array.from({ length: 100 }, () => [0]))
  const [first, second] = toy.items
  expect(similarTo(toy, first!, 10)).toEqual(similarTo(toy, first!, 10))
  expect(similarTo(toy, first!, 10)).not.toEqual(similarTo(toy, second!, 10))
})

it('a single category tells nothing apart', () => {
  const news = catalogue([[0], [0]], ['news'])
  expect(tellsApart(news, news.items[0]!)).toBe(false)
  expect(tellsApart(catalogue([[0], []]), { key: 'k1', title: '', categories: [] })).toBe(false)
  expect(similarTo(news, news.items[0]!)).toEqual(['k1'])
})

it('gives as many others as there are, up to the count, each once', () => {
  const category = fc.uniqueArray(fc.integer({ min: 0, max: 2 }))
  fc.assert(
    fc.property(
      fc.array(category, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 50 }),
      (items, count) => {
        const toy = catalogue(items)
        const found = similarTo(toy, toy.items[0]!, count)
        expect(new Set(found).size).toBe(Math.min(count, items.length - 1))
        expect(found).not.toContain('k0')
      },
    ),
    { seed: 1 },
  )
})
