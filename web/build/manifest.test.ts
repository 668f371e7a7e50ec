import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { manifest } from './manifest.ts'

const read = (src: string) => readFileSync(resolve(import.meta.dirname, '../public', `.${src}`))
/** Width and height as a PNG's first chunk has them (ISO/IEC 15948, 11.2.2). */
const sizeOf = (png: Buffer) => `${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`

const icons = [...manifest.icons!, ...manifest.shortcuts!.flatMap(({ icons }) => icons ?? [])]
const pictures = [...icons, ...manifest.screenshots!] as { src: string; sizes?: string; type?: string }[]

describe('what is named in the manifest', () => {
  it.each(pictures.map((picture) => [picture.src, picture] as const))(
    '%s is there, as large as it says',
    (src, { sizes, type }) => {
      const bytes = read(src)
      if (type === 'image/svg+xml') return expect(String(bytes)).toContain('<svg')
      expect(sizeOf(bytes)).toBe(sizes)
    },
  )

  it('has an icon for every purpose, and a screenshot for every form', () => {
    const purposes = manifest.icons!.map(({ purpose = 'any' }) => purpose)
    expect(new Set(purposes)).toEqual(new Set(['any', 'maskable', 'monochrome']))
    expect(manifest.icons!.map(({ sizes }) => sizes)).toEqual(expect.arrayContaining(['192x192', '512x512']))
    const forms = (manifest.screenshots as { form_factor: string }[]).map(({ form_factor }) => form_factor)
    expect(new Set(forms)).toEqual(new Set(['narrow', 'wide']))
  })

  it('has screenshots that browsers show: of one size a form, no longer than 2.3 times their breadth', () => {
    for (const { sizes } of manifest.screenshots as { sizes: string }[]) {
      const [width, height] = sizes.split('x').map(Number) as [number, number]
      expect(Math.max(width, height) / Math.min(width, height)).toBeLessThanOrEqual(2.3)
    }
  })
})
