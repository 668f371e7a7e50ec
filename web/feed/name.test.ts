import { expect, it } from 'vitest'
import type { Catalogue } from '../../shared/catalogue.ts'
import { namesOf } from './name.ts'

const catalogue: Catalogue = {
  name: 'toy',
  noun: 'article',
  categories: ['news'],
  items: [
    { key: 'a1', title: 'Told', categories: [] },
    { key: 'a2', title: ' ', categories: [] },
  ],
}

it('an item without a title is called by what it is and its key; one that is not there by its key', () => {
  expect(['a1', 'a2', 'a3'].map(namesOf(catalogue))).toEqual(['Told', 'Article a2', 'a3'])
})
