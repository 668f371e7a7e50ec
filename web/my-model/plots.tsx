import { useId } from 'preact/hooks'
import { type Frame, histogram, line, scoreAt } from './plot.ts'

const frame: Frame = { width: 320, height: 130, left: 34, bottom: 20 }
const floor = frame.height - frame.bottom

/** The training loss of each mini-batch. */
export function LossPlot({ losses }: { losses: readonly number[] }) {
  const { points, path, low, high } = line(losses, frame)
  const first = losses.at(0)
  const last = losses.at(-1)
  const summary = `From ${first?.toFixed(3)} in the first mini-batch to ${last?.toFixed(3)} in the last of ${losses.length}.`
  return (
    <Figure title="Training loss" summary={summary}>
      <text x={frame.left - 6} y="12" text-anchor="end">
        {high.toFixed(2)}
      </text>
      <text x={frame.left - 6} y={floor} text-anchor="end">
        {low.toFixed(2)}
      </text>
      <path class="axis" d={`M${frame.left} ${floor}H${frame.width}`} />
      <path class="curve" d={path} />
      {points.map(({ x, y }) => (
        <circle key={x} class="point" cx={x} cy={y} r="2" />
      ))}
      <text x={frame.left} y={frame.height - 4}>
        first mini-batch
      </text>
      <text x={frame.width - 2} y={frame.height - 4} text-anchor="end">
        last
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
  const summary = `${scores.length} samples were scored between 0 (unlike yours) and 1 (like yours); ${kept} reached the threshold σ = ${sigma} and were kept.`
  return (
    <Figure title="Scores of borrowed samples" summary={summary}>
      <text x={frame.left - 6} y="12" text-anchor="end">
        {most}
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
        σ = {sigma}
      </text>
      <text x={frame.left} y={frame.height - 4}>
        0 unlike yours
      </text>
      <text x={frame.width - 2} y={frame.height - 4} text-anchor="end">
        like yours 1
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
