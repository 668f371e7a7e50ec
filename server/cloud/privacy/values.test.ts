import { describe, expect, it } from 'vitest'
import { type Catalogue, FIRST_ID } from '../../../shared/catalogue.ts'
import type { KindredEvent } from '../../../shared/event.ts'
import { schemas } from '../../../shared/schemas/index.ts'
import { createDiscretion, createValues } from './values.ts'

const catalogue: Catalogue = {
  name: 'toy',
  noun: 'thing',
  categories: ['red', 'green', 'blue'],
  items: [
    { key: 'a', title: 'A', categories: [0] },
    { key: 'b', title: 'B', categories: [1, 2] },
  ],
}
const id = '00000000-0000-7000-8000-000000000001'
const exposure = (item: string): KindredEvent => ({ type: 'exposure', id, at: 1, item })
const click = (item: string): KindredEvent => ({ type: 'click', id, at: 1, item, exposure: id })
const behaviour = (name: string): KindredEvent => ({ type: 'behaviour', id, at: 1, name })
const profile = (name: string, value: string): KindredEvent => ({ type: 'profile', id, at: 1, name, value })

describe('the values that k is asked of', () => {
  it('are items, their categories, and listed profile values and behaviours, each with a number of its own', () => {
    const values = createValues(schemas.paper(catalogue), catalogue)
    // 2 items, 3 categories, 8 profile values, 20 behaviours
    expect(values.count).toBe(33)
    const shown = values.of([
      exposure('b'),
      exposure('unheard-of'),
      behaviour('behaviour-3'),
      behaviour('unheard-of'),
      profile('profile', 'h'),
      profile('profile', 'unheard-of'),
      profile('shoe-size', 'a'),
    ])
    expect([...shown].sort((a, b) => a - b)).toEqual([1, 2 + 1, 2 + 2, 5 + 7, 13 + 2])
    expect(values.category(1)).toBe(3)
    expect(values.value('profile', FIRST_ID + 7)).toBe(12)
    expect(values.value('behaviour', FIRST_ID + 2)).toBe(15)
  })

  it('are not shown by a click alone: whoever invents clicks helps no item to its name', () => {
    expect([...createValues(schemas.demo(catalogue), catalogue).of([click('a')])]).toEqual([])
  })
})

it('what k users have shown may be told, each kind by its own count', () => {
  const schema = schemas.paper(catalogue)
  const values = createValues(schema, catalogue)
  const viewers = new Uint32Array(values.count - 1)
  viewers.set([20, 19, 20, 19, 21])
  viewers[values.value('behaviour', FIRST_ID)] = 20
  const { item, category, value } = createDiscretion(values, viewers, 20)
  expect([item(0), item(1)]).toEqual([true, false])
  expect([0, 1, 2].map(category)).toEqual([true, false, true])
  expect([0, 1, 19].map((i) => value('behaviour', FIRST_ID + i))).toEqual([true, false, false])
  expect(value('profile', FIRST_ID)).toBe(false)
})
