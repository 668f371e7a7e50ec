import { describe, expect, it } from 'vitest'
import { addressOf, workerName } from './options.ts'

const page = 'https://shop.example/news/index.html'
const said = (options: Parameters<typeof workerName>[0]) =>
  Object.fromEntries(new URLSearchParams(workerName(options, page)))

describe('the options of a client', () => {
  it('are told to the worker by its name; by default the server is where the page is from', () => {
    expect(said({})).toEqual({ server: 'https://shop.example/' })
    expect(said({ server: '/kindred/' })).toEqual({ server: 'https://shop.example/kindred/' })
    expect(said({ server: new URL('https://kindred.example'), account: 'a&b', token: () => 't' })).toEqual({
      server: 'https://kindred.example/',
      account: 'a&b',
      'signs-in': '',
    })
  })

  it('say where a static host has the rest, and which root is believed', () => {
    const root = '0123456789abcdef'.repeat(4)
    expect(said({ server: 'https://api.example', files: 'https://cdn.example/k', root })).toEqual({
      server: 'https://api.example/',
      static: 'https://cdn.example/k',
      root,
    })
  })

  it.each([
    [{ server: 'https://' }, /server.*no address/],
    [{ server: 'javascript:alert(1)' }, /server.*no address/],
    [{ server: 'data:text/plain,x' }, /server/],
    [{ account: '' }, /account/],
    [{ files: 'ftp://cdn.example' }, /files.*no address/],
    [{ root: 'of some other server' }, /root/],
  ])('%j cannot be meant', (options, sentence) => {
    expect(() => workerName(options, page)).toThrow(sentence)
    expect(() => workerName(options, page)).toThrow(expect.objectContaining({ code: 'bad-input' }))
  })

  it('the worker may lie elsewhere on the page’s site', () => {
    expect(addressOf('/kindred/device.js', page, 'worker')).toBe('https://shop.example/kindred/device.js')
    expect(() => addressOf('blob:https://shop.example/x', page, 'worker')).toThrow(/worker/)
  })
})
