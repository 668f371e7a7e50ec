import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { itemHref, routeOf } from './route.ts'

describe('which view the address names', () => {
  it.each([
    ['', 'feed'],
    ['#/', 'feed'],
    ['#/my-model', 'my-model'],
    ['#/settings', 'settings'],
    ['#/nothing', 'feed'],
    ['#/my-model/more', 'feed'],
    ['#/item', 'feed'],
    ['#/item/', 'feed'],
    ['#/item/%', 'feed'],
    ['#main', 'feed'],
  ])('%s is the view %s', (hash, view) => expect(routeOf(hash)).toEqual({ view }))

  it('an item’s address leads to that item, whatever its key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (key) => {
        // As a browser has it: the fragment of a URL.
        const { hash } = new URL(itemHref(key), 'http://localhost/')
        expect(routeOf(hash)).toEqual({ view: 'item', key })
      }),
      { seed: 1 },
    )
  })
})
