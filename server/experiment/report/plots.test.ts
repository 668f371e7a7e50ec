import { parseHTML } from 'linkedom'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../shared/random.ts'
import { distribution, intervals, lines } from './plots.ts'

const estimate = (value: number, low: number, high: number) => ({
  value,
  ci95: [low, high] as const,
  users: 9,
})
const query = (svg: string, selector: string) => [...parseHTML(svg).document.querySelectorAll(selector)]
interface Drawn {
  getAttribute(name: string): string | null
}
const numbers = (elements: readonly Drawn[], attribute: string) =>
  elements.map((element) => Number(element.getAttribute(attribute)))

describe('intervals', () => {
  const svg = intervals(
    [
      { name: 'local', color: 'var(--blue)', estimate: estimate(1, 0.5, 1.5) },
      { name: 'coda', color: 'var(--ochre)', estimate: estimate(2, 1, 3) },
      { name: 'kindred', color: 'var(--pine)', estimate: estimate(4, 3, 5) },
    ],
    { label: '% over cloud', alt: 'what it shows', marks: [{ value: 0 }, { name: 'DCCL 1.5', value: 1.5 }] },
  )

  it('draws values and the ends of intervals to one scale', () => {
    const [first, second, third] = numbers(query(svg, 'circle'), 'cx')
    expect((third! - first!) / (second! - first!)).toBeCloseTo(3, 6)
    const bars = query(svg, '[aria-label="rule"] line').filter((line) => line.getAttribute('stroke'))
    const width = (place: number) =>
      Number(bars[place]!.getAttribute('x2')) - Number(bars[place]!.getAttribute('x1'))
    expect(width(0)).toBeCloseTo(second! - first!, 6)
    expect(width(2)).toBeCloseTo(2 * width(0), 6)
  })

  it('names its rows and its marks, in words that need no colour', () => {
    const words = query(svg, 'text').map(({ textContent }) => textContent)
    for (const word of ['local', 'coda', 'kindred', 'DCCL 1.5', '% over cloud →'])
      expect(words).toContain(word)
  })

  it('tells those who cannot see it what it shows, and leaves its size to the page', () => {
    const [root] = query(svg, 'svg')
    expect(root!.getAttribute('role')).toBe('img')
    expect(root!.getAttribute('aria-label')).toBe('what it shows')
    expect(root!.getAttribute('width')).toBeNull()
    expect(root!.getAttribute('viewBox')).toMatch(/^0 0 340 /)
  })
})

describe('lines', () => {
  it('draws a point for each arm and place; neighbours do not hide one another', () => {
    const points = ['young', 'old'].map((name) => ({ name, estimate: estimate(0.3, 0.2, 0.4) }))
    const svg = lines(
      [
        { arm: 'cloud', color: 'var(--plain)', points },
        { arm: 'kindred', color: 'var(--pine)', points },
      ],
      { label: 'HR@10', xLabel: 'age', alt: 'by age' },
    )
    const groups = query(svg, '[aria-label="dot"]')
    expect(groups.map((group) => group.querySelectorAll('circle').length)).toEqual([2, 2])
    expect(groups[0]!.getAttribute('transform')).not.toBe(groups[1]!.getAttribute('transform'))
  })

  it('draws what has no interval as a point alone', () => {
    const points = [{ name: 'one', estimate: { value: 0.5, ci95: null, users: 1 } }]
    const svg = lines([{ arm: 'cloud', color: 'red', points }], { label: 'y', xLabel: 'x', alt: 'a' })
    expect(query(svg, 'circle')).toHaveLength(1)
    expect(svg).not.toContain('NaN')
  })
})

describe('distribution', () => {
  it('bars are as high as users are many, red where more than a point is lost, and nobody is left out', () => {
    const random = seeded(17)
    const gains = Array.from({ length: 500 }, () => 2.5 * random.normal()).sort((a, b) => a - b)
    gains[0] = -80
    gains[499] = 80
    const svg = distribution(gains, { label: 'points', alt: 'gains', loss: 1, color: 'var(--pine)' })
    const bars = query(svg, '[aria-label="rect"] rect')
    const heights = numbers(bars, 'height')
    const total = heights.reduce((sum, height) => sum + height, 0)
    const redShare = bars.reduce(
      (sum, bar, i) => (bar.getAttribute('fill') === 'var(--clay)' ? sum + heights[i]! / total : sum),
      0,
    )
    expect(redShare).toBeCloseTo(gains.filter((gain) => gain < -1).length / gains.length, 6)
    const half = bars.length / 2
    expect(heights[half]! / total).toBeCloseTo(
      gains.filter((gain) => gain >= 0 && gain < 1).length / gains.length,
      6,
    )
  })
})
