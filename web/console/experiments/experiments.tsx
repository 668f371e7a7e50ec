import { type ShownExperiment, shownBoardSchema } from '../../../shared/admin.ts'
import { useHere, useLoaded } from '../here.ts'
import { Head, WhenLoaded } from '../parts.tsx'
import { experimentHref } from '../route.ts'
import { experimentSentence } from '../sentences.ts'
import { t } from '../words/index.ts'

/** Experiments, the newest first. */
export function Experiments() {
  const { ask } = useHere()
  const found = useLoaded(() => ask(shownBoardSchema, '/releases'))
  return (
    <div class="panels">
      <Head title={t.view.experiments} of={found} />
      <WhenLoaded of={found}>
        {({ experiments }) => (
          <>
            <p class="actions">
              <a class="button primary" href="#/experiments/new">
                {t.experiments.add}
              </a>
            </p>
            {experiments.length === 0 && <p>{t.experiments.noneYet}</p>}
            <ul class="cards">
              {experiments.toReversed().map((one) => (
                <ExperimentCard key={one.id} experiment={one} />
              ))}
            </ul>
          </>
        )}
      </WhenLoaded>
    </div>
  )
}

function ExperimentCard({ experiment }: { experiment: ShownExperiment }) {
  const { now } = useHere()
  return (
    <li class="panel">
      <h2>
        <a href={experimentHref(experiment.id)}>{t.experiments.title(experiment.id, experiment.task)}</a>
      </h2>
      <p>{experimentSentence(experiment, now())}</p>
      <Arms experiment={experiment} />
    </li>
  )
}

export function Arms({ experiment: { arms } }: { experiment: Pick<ShownExperiment, 'arms'> }) {
  return (
    <ul class="plain">
      {arms.map(({ name, task, from, to }) => (
        <li key={name}>
          {t.experiments.arm(name, task?.version ?? null, Math.round((to - from) * 100) / 100)}
        </li>
      ))}
    </ul>
  )
}
