import { useState } from 'preact/hooks'
import { type TaskVersion, taskVersionsSchema } from '../../../shared/admin.ts'
import { useHere, useLoaded } from '../here.ts'
import { Field, Title, typed, VersionOptions, WhenLoaded } from '../parts.tsx'
import { t } from '../words/index.ts'
import { NO_RULE, RuleField, ruleOf } from './rule.tsx'
import { type DraftStage, momentIn, StagesField, stagesOf } from './stages.tsx'

interface AddReleaseProps {
  /** What to begin with. */
  task?: string
  version?: number
}

/** A version that is approved goes to devices. */
export function AddRelease(chosen: AddReleaseProps) {
  const { ask } = useHere()
  const found = useLoaded(() => ask(taskVersionsSchema, '/tasks'))
  return (
    <div class="panels">
      <Title>{t.release.add}</Title>
      <WhenLoaded of={found}>
        {({ versions }) => {
          const approved = versions.filter((one) => one.approved)
          return approved.length === 0 ? (
            <p>{t.form.noneApproved}</p>
          ) : (
            <Form approved={approved} {...chosen} />
          )
        }}
      </WhenLoaded>
    </div>
  )
}

function Form({
  approved,
  task: first,
  version: number,
}: AddReleaseProps & { approved: readonly TaskVersion[] }) {
  const { propose } = useHere()
  const names = [...new Set(approved.map(({ name }) => name))].sort()
  const [task, setTask] = useState(first !== undefined && names.includes(first) ? first : names[0]!)
  const versions = approved.filter(({ name }) => name === task).map(({ version }) => version)
  const [version, setVersion] = useState(`${number ?? ''}`)
  const [rule, setRule] = useState(NO_RULE)
  const [stages, setStages] = useState<readonly DraftStage[]>([{ percent: '5', from: '' }])
  const [until, setUntil] = useState('')
  const chosen = versions.includes(Number(version)) ? Number(version) : versions[0]!

  function submit(): void {
    const read = ruleOf(rule)
    if ('wrong' in read) {
      document.getElementById('rule-text')?.focus()
      return
    }
    const ends = momentIn(until)
    propose({
      title: t.ask.add.title(task, chosen),
      yes: t.ask.add.yes,
      change: {
        order: {
          ...{ type: 'release', task, version: chosen, rule: read.rule, stages: stagesOf(stages) },
          ...(ends !== undefined && { until: ends }),
        },
      },
      done: () => {
        location.hash = '#/'
      },
    })
  }

  return (
    <form
      class="panel form"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <Field id="task" label={t.form.task}>
        {(field) => (
          <select {...field} value={task} {...typed(setTask)}>
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <Field id="version" label={t.form.version}>
        {(field) => (
          <select {...field} value={`${chosen}`} {...typed(setVersion)}>
            <VersionOptions versions={versions} />
          </select>
        )}
      </Field>
      <RuleField rule={rule} change={setRule} />
      <StagesField name="stages" stages={stages} change={setStages} />
      <Field id="until" label={t.form.until}>
        {(field) => <input {...field} type="datetime-local" value={until} {...typed(setUntil)} />}
      </Field>
      <button type="submit" class="button primary">
        {t.form.try}
      </button>
    </form>
  )
}
