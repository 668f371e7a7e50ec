import { useId } from 'preact/hooks'
import { fixed, number } from '../phrases.ts'
import { t } from '../strings/index.ts'
import { type Frame, histogram, line, scoreAt } from './plot.ts'

const frame: Frame = { width: 320, height: 130, left: 34, bottom: 20 }
const floor = frame.height - frame.bottom

/** The training loss of each mini-batch. */
export function LossPlot({ losses }: { losses: readonly number[] }) {
  const { points, path, low, high } = line(losses, frame)
  const summary = t.plots.lossSummary(fixed(losses.at(0)!, 3), fixed(losses.at(-1)!, 3), losses.length)
  return (
    <Figure title={t.plots.loss} summary={summary}>
      <text x={frame.left - 6} y="12" text-anchor="end">
        {fixed(high, 2)}
      </text>
      <text x={frame.left - 6} y={floor} text-anchor="end">
        {fixed(low, 2)}
      </text>
      <path class="axis" d={`M${frame.left} ${floor}H${frame.width}`} />
      <path class="curve" d={path} />
      {points.map(({ x, y }) => (
        <circle key={x} class="point" cx={x} cy={y} r="2" />
      ))}
      <text x={frame.left} y={frame.height - 4}>
        {t.plots.firstStep}
      </text>
      <text x={frame.width - 2} y={frame.height - 4} text-anchor="end">
        {t.plots.lastStep}
      </text>
    </Figure>
  )
}

/** How like the user's own samples the classifier found the borrowed ones. */
export function ScorePlot({
  scores,
  sigma,
  kept,
}: {
  scores: readonly number[]
  sigma: number
  kept: number
}) {
  const bars = histogram(scores, 20, frame)
  const most = Math.max(...bars.map(({ count }) => count))
  const x = scoreAt(sigma, frame)
  const summary = t.plots.scoresSummary(scores.length, kept, number(sigma))
  return (
    <Figure title={t.plots.scores} summary={summary}>
      <text x={frame.left - 6} y="12" text-anchor="end">
        {number(most)}
      </text>
      <text x={frame.left - 6} y={floor} text-anchor="end">
        0
      </text>
      {bars.map((bar) => (
        <rect
          key={bar.from}
          class={bar.from + 1e-9 >= sigma ? 'bar kept' : 'bar'}
          x={bar.x + 0.75}
          y={bar.y}
          width={bar.width - 1.5}
          height={bar.height}
          rx="1"
        />
      ))}
      <path class="axis" d={`M${frame.left} ${floor}H${frame.width}`} />
      <path class="sigma" d={`M${x} 0V${floor}`} />
      <text x={x + 4} y="12">
        σ = {number(sigma)}
      </text>
      <text x={frame.left} y={frame.height - 4}>
        {t.plots.unlike}
      </text>
      <text x={frame.width - 2} y={frame.height - 4} text-anchor="end">
        {t.plots.like}
      </text>
    </Figure>
  )
}

function Figure({
  title,
  summary,
  children,
}: {
  title: string
  summary: string
  children: preact.ComponentChildren
}) {
  const id = useId()
  return (
    <figure class="plot">
      <h3>{title}</h3>
      <svg viewBox={`0 0 ${frame.width} ${frame.height}`} role="img" aria-label={title} aria-describedby={id}>
        {children}
      </svg>
      <figcaption id={id}>{summary}</figcaption>
    </figure>
  )
}
