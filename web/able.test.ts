import { describe, expect, it } from 'vitest'
import { lacking } from './able.ts'

const able = { Worker: class {}, indexedDB: {}, isSecureContext: true }

describe('what a browser lacks', () => {
  it('is nothing where all is there', () => expect(lacking(able)).toEqual([]))

  it.each([
    ['workers', { ...able, Worker: undefined }],
    ['storage', { ...able, indexedDB: undefined }],
    ['storage', { ...able, indexedDB: null }],
    ['secure', { ...able, isSecureContext: false }],
  ])('is said: %s', (lack, page) => expect(lacking(page)).toEqual([lack]))

  it('is said also where asking for it throws', () => {
    const forbidden = {
      Worker: class {},
      isSecureContext: true,
      get indexedDB() {
        throw new DOMException('The operation is insecure.', 'SecurityError')
      },
    }
    expect(lacking(forbidden)).toEqual(['storage'])
  })
})
