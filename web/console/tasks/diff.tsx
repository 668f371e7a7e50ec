import { type TaskDiff, taskDiffSchema } from '../../../shared/admin.ts'
import { Panel } from '../../parts.tsx'
import { useHere, useLoaded } from '../here.ts'
import { Title, WhenLoaded } from '../parts.tsx'
import { taskHref } from '../route.ts'
import { t } from '../words/index.ts'

interface DiffProps {
  task: string
  older: number
  newer: number
}

/** What a version has over another. */
export function DiffView({ task, older, newer }: DiffProps) {
  const { ask } = useHere()
  const found = useLoaded(() => ask(taskDiffSchema, `/tasks/${task}/${newer}/from/${older}`))
  return (
    <div class="panels wide">
      <Title>{t.diff.title(task, older, newer)}</Title>
      <p>
        <a class="back" href={taskHref(task)}>
          ← {t.diff.back(task)}
        </a>
      </p>
      <WhenLoaded of={found}>{(diff) => <Differences {...diff} />}</WhenLoaded>
    </div>
  )
}

const SIGNS = { same: ' ', added: '+', removed: '−' } as const

function Differences({ manifest: all, script, model }: TaskDiff) {
  // The title says which versions these are.
  const manifest = all.filter(({ path }) => path !== 'version')
  return (
    <>
      <Panel title={t.diff.manifest}>
        {manifest.length === 0 ? <p>{t.diff.same}</p> : <Values manifest={manifest} />}
      </Panel>
      <Panel title={t.diff.script}>
        {script.length === 0 ? (
          <p>{t.diff.same}</p>
        ) : (
          // Wider than a phone: whoever uses the keyboard scrolls it, too.
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
          <pre class="code" tabIndex={0}>
            {script.map(({ change, text }, i) => (
              <span key={i} data-change={change}>
                {SIGNS[change]}
                {change !== 'same' && <span class="sr-only"> {t.diff[change]}: </span>} {text}
                {'\n'}
              </span>
            ))}
          </pre>
        )}
      </Panel>
      <Panel title={t.diff.model}>
        <p>{t.diff.models[model]}</p>
      </Panel>
    </>
  )
}

function Values({ manifest }: Pick<TaskDiff, 'manifest'>) {
  const shown = (value: unknown) => (value === undefined ? '–' : JSON.stringify(value))
  return (
    <table class="table">
      <thead>
        <tr>
          <th scope="col">{t.diff.path}</th>
          <th scope="col">{t.diff.before}</th>
          <th scope="col">{t.diff.after}</th>
        </tr>
      </thead>
      <tbody>
        {manifest.map(({ path, before, after }) => (
          <tr key={path}>
            <th scope="row">
              <code>{path}</code>
            </th>
            <td>
              <code>{shown(before)}</code>
            </td>
            <td>
              <code>{shown(after)}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
