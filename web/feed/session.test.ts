import { describe, expect, it } from 'vitest'
import { createSession } from './session.ts'

function memory() {
  const held = new Map<string, string>()
  return {
    held,
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => void held.set(key, value),
    removeItem: (key: string) => void held.delete(key),
  }
}
const feed = { catalogue: 'films', items: ['a', 'b'], seen: ['a'], opened: [] }

describe('the remembered feed', () => {
  it('comes back as it was, and is gone when cleared', () => {
    const session = createSession(memory())
    session.save(feed)
    expect(session.load()).toEqual(feed)
    session.clear()
    expect(session.load()).toBeNull()
  })

  it.each([
    '{"items":',
    '{"items":[]}',
    '[]',
    'null',
    '7',
    '{"catalogue":"films","items":[],"seen":[],"opened":[]}',
    '{"catalogue":"films","items":["a",1],"seen":[],"opened":[]}',
    '{"items":["a"],"seen":[],"opened":[]}',
  ])('anything else that lies there (%s) is no feed', (text) => {
    const storage = memory()
    const session = createSession(storage)
    session.save(feed)
    for (const key of storage.held.keys()) storage.held.set(key, text)
    expect(session.load()).toBeNull()
  })

  it('a browser that refuses storage costs the memory, not the feed', () => {
    const refuse = () => {
      throw new Error('denied')
    }
    const session = createSession({ getItem: refuse, setItem: refuse, removeItem: refuse })
    expect(() => session.save(feed)).not.toThrow()
    expect(session.load()).toBeNull()
  })
})
