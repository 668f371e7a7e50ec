/** The plots of a round. Each says the same in a sentence, too. */
import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Round } from '../../shared/protocol.ts'
import { fixed, number } from '../phrases.ts'
import { t } from '../strings/index.ts'
import { type Frame, frameOf, histogram, type Line, line, type Point, scoreAt } from './plot.ts'

/** More points than this would be a thick line. */
const MOST_DOTS = 60

/** The training loss of each mini-batch. */
export function LossPlot({ losses }: { losses: readonly number[] }) {
  const summary = t.plots.lossSummary(fixed(losses.at(0)!, 3), fixed(losses.at(-1)!, 3), losses.length)
  const points = losses.map((y, i) => ({ x: i + 1, y }))
  return <LinePlot title={t.plots.loss} summary={summary} points={points} steps={losses.length} />
}

/** How good the model was on the validation samples as it learnt: by the log-loss where that decided, else by the AUC. */
export function CoursePlot({ course, byLoss }: { course: NonNullable<Round['course']>; byLoss: boolean }) {
  const points = course.map(({ step, auc, loss }) => ({ x: step, y: byLoss ? loss : auc }))
  const values = points.map(({ y }) => y)
  const best = byLoss ? Math.min(...values) : Math.max(...values)
  const [first, last, top] = [values.at(0)!, values.at(-1)!, best].map((value) => fixed(value, 3))
  const steps = points.at(-1)!.x
  const summary = byLoss
    ? t.plots.logLossSummary(first!, last!, top!, steps)
    : t.plots.qualitySummary(first!, last!, top!, steps)
  const title = byLoss ? t.plots.logLoss : t.plots.quality
  return <LinePlot title={title} summary={summary} points={points} steps={steps} />
}

interface LinePlotProps {
  title: string
  summary: string
  /** By the number of mini-batches. */
  points: readonly Point[]
  steps: number
}

function LinePlot({ title, summary, points: values, steps }: LinePlotProps) {
  return (
    <Plot title={title} summary={summary}>
      {(frame) => {
        const { points, path, ticks } = line(values, frame)
        return (
          <>
            <Upright ticks={ticks} frame={frame} />
            <path class="curve" d={path} />
            {points.length <= MOST_DOTS &&
              points.map(({ x, y }) => <circle key={x} class="point" cx={x} cy={y} r="2.5" />)}
            <Ends frame={frame} left={number(values[0]?.x ?? 0)} right={t.plots.steps(steps)} />
          </>
        )
      }}
    </Plot>
  )
}

/** How like the user's own samples the classifier found the borrowed ones. */
export function ScorePlot({ scores, sigma, kept }: Pick<Round, 'scores' | 'sigma' | 'kept'>) {
  const summary = t.plots.scoresSummary(scores.length, kept, number(sigma))
  return (
    <Plot title={t.plots.scores} summary={summary}>
      {(frame) => {
        const bars = histogram(scores, 20, frame)
        const most = Math.max(...bars.map(({ count }) => count))
        const floor = frame.height - frame.bottom
        const x = scoreAt(sigma, frame)
        // On the side where there is room.
        const after = sigma <= 0.5
        return (
          <>
            <Upright
              ticks={[
                { value: 0, y: floor },
                { value: most, y: frame.edge },
              ]}
              frame={frame}
            />
            {bars.map((bar) => (
              <rect
                key={bar.from}
                class={bar.from + 1e-9 >= sigma ? 'bar kept' : 'bar'}
                x={bar.x + 0.75}
                y={bar.y}
                width={Math.max(1, bar.width - 1.5)}
                height={bar.height}
                rx="1"
              />
            ))}
            <path class="sigma" d={`M${x} 0V${floor}`} />
            <text
              class="halo"
              x={after ? x + 6 : x - 6}
              y={frame.edge}
              dominant-baseline="central"
              text-anchor={after ? 'start' : 'end'}
            >
              σ = {number(sigma)}
            </text>
            <Ends frame={frame} left={t.plots.unlike} right={t.plots.like} />
          </>
        )
      }}
    </Plot>
  )
}

interface UprightProps {
  ticks: Line['ticks']
  frame: Frame
  shown?: (value: number) => string
}

/** The numbers at the left, with a line each. */
export function Upright({ ticks, frame, shown = number }: UprightProps) {
  return ticks.map(({ value, y }) => (
    <g key={value}>
      <path class="axis" d={`M${frame.left} ${y}H${frame.width - frame.edge}`} />
      <text x={frame.left - 6} y={y} text-anchor="end" dominant-baseline="central">
        {shown(value)}
      </text>
    </g>
  ))
}

/** What lies at the two ends below. */
export function Ends({ frame, left, right }: { frame: Frame; left: string; right: string }) {
  const y = frame.height - frame.bottom / 3
  return (
    <>
      <text x={frame.left} y={y}>
        {left}
      </text>
      <text x={frame.width - frame.edge} y={y} text-anchor="end">
        {right}
      </text>
    </>
  )
}

interface PlotProps {
  title: string
  summary: string
  children: (frame: Frame) => ComponentChildren
}

/** Drawn for the width that there is, so that its text is as large as all other. */
export function Plot({ title, summary, children }: PlotProps) {
  const id = useId()
  const box = useRef<HTMLElement>(null)
  const [frame, setFrame] = useState<Frame | null>(null)
  useLayoutEffect(() => {
    const measure = () => {
      const em = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
      setFrame(frameOf(box.current!.clientWidth, em))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [])
  return (
    <figure class="plot" ref={box}>
      <h3>{title}</h3>
      {frame && (
        <svg
          width={frame.width}
          height={frame.height}
          viewBox={`0 0 ${frame.width} ${frame.height}`}
          role="img"
          aria-label={title}
          aria-describedby={id}
        >
          {children(frame)}
        </svg>
      )}
      <figcaption id={id}>{summary}</figcaption>
    </figure>
  )
}
