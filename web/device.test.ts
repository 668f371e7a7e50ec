import { parseHTML } from 'linkedom'
import { describe, expect, it } from 'vitest'
import { workerName } from './device.ts'
import { placeIn } from './place.ts'

const said = (query: string, head = '') =>
  Object.fromEntries(
    new URLSearchParams(workerName(query, placeIn(parseHTML(`<head>${head}</head>`).document))),
  )
const meta =
  '<meta name="kindred" content="static=%2F&amp;server=https%3A%2F%2Fapi.example%2F&amp;root=12" />'
const place = { static: '/', server: 'https://api.example/', root: '12' }

describe('what the page tells its workers by their name', () => {
  it('is what its address asks for, as far as that may', () => {
    expect(said('?seed=7&engine=tfjs-wasm')).toEqual({ seed: '7', engine: 'tfjs-wasm' })
    expect(workerName('', placeIn(parseHTML('<head></head>').document))).toBe('kindred')
  })

  it('is where a published app has its parts; no address can say otherwise', () => {
    expect(said('', meta)).toEqual(place)
    expect(said('?static=https://evil.example&server=https://evil.example&root=0&seed=7', meta)).toEqual({
      ...place,
      seed: '7',
    })
    expect(said('?static=https://evil.example&server=https://evil.example')).toEqual({ kindred: '' })
  })
})
