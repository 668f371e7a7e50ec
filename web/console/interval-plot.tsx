import { useId } from 'preact/hooks'
import { Ends, Plot, Upright } from '../my-model/plots.tsx'
import { intervals, type Mark, type Series } from './intervals.ts'
import { t } from './words/index.ts'

interface IntervalPlotProps {
  title: string
  /** The same in a sentence. */
  summary: string
  series: readonly Series[]
  /** A value as it stands in the table. */
  shown: (value: number) => string
  /** What an x is called. */
  named: (x: number) => string
  /** Where the upright axis begins at the latest. */
  floor?: number
  words: { x: string; series: string; value: string; interval: string }
}

/** Values of several series with their intervals, by day: drawn, and in a table for who would rather read. */
export function IntervalPlot({ title, summary, series, shown, named, floor, words }: IntervalPlotProps) {
  const xs = series.flatMap(({ values }) => values.map(({ x }) => x))
  if (xs.length === 0) return null
  const [first, last] = [Math.min(...xs), Math.max(...xs)]
  return (
    <div class="interval-plot">
      <Plot title={title} summary={summary}>
        {(frame) => {
          const drawn = intervals(series, frame, floor)
          return (
            <>
              <Upright ticks={drawn.ticks} frame={frame} shown={shown} />
              {drawn.series.map((marks, i) => (
                <g key={series[i]!.name} class="series" data-series={i % SHAPES.length}>
                  {marks.map((mark) => (
                    <MarkShape key={mark.x} mark={mark} series={i} />
                  ))}
                </g>
              ))}
              <Ends frame={frame} left={named(first)} right={last > first ? named(last) : ''} />
            </>
          )
        }}
      </Plot>
      <ul class="legend">
        {series.map(({ name }, i) => (
          <li key={name}>
            <svg viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true">
              <g class="series" data-series={i % SHAPES.length}>
                <MarkShape mark={{ x: 0, y: 0, bar: null }} series={i} />
              </g>
            </svg>
            {name}
          </li>
        ))}
      </ul>
      <Values {...{ title, series, shown, named, words }} />
    </div>
  )
}

/** Series are told apart by shape, too: circle, square, triangle, diamond. */
const SHAPES = [
  'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z',
  'M-3.5 -3.5H3.5V3.5H-3.5Z',
  'M0 -4.5L4.5 3.5H-4.5Z',
  'M0 -5L5 0L0 5L-5 0Z',
] as const

function MarkShape({ mark: { x, y, bar }, series }: { mark: Mark; series: number }) {
  return (
    <>
      {bar && (
        <path class="whisker" d={`M${x} ${bar[0]}V${bar[1]}M${x - 3} ${bar[0]}h6M${x - 3} ${bar[1]}h6`} />
      )}
      <path transform={`translate(${x} ${y})`} d={SHAPES[series % SHAPES.length]} />
    </>
  )
}

function Values({ title, series, shown, named, words }: Omit<IntervalPlotProps, 'summary' | 'floor'>) {
  const id = useId()
  const rows = series
    .flatMap(({ name, values }) => values.map((value) => ({ name, ...value })))
    .sort((a, b) => a.x - b.x)
  return (
    <details>
      <summary id={id}>
        {t.experiments.numbers}
        <span class="sr-only">: {title}</span>
      </summary>
      <table class="table" aria-labelledby={id}>
        <thead>
          <tr>
            <th scope="col">{words.x}</th>
            <th scope="col">{words.series}</th>
            <th scope="col">{words.value}</th>
            <th scope="col">{words.interval}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, x, value, interval }) => (
            <tr key={`${x} ${name}`}>
              <th scope="row">{named(x)}</th>
              <td>{name}</td>
              <td>{shown(value)}</td>
              <td>{interval ? `${shown(interval[0])} – ${shown(interval[1])}` : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}
