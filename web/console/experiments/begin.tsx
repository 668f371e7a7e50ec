import { useState } from 'preact/hooks'
import { type TaskVersion, taskVersionsSchema } from '../../../shared/admin.ts'
import { useHere, useLoaded } from '../here.ts'
import { Field, PercentField, Title, typed, VersionOptions, WhenLoaded } from '../parts.tsx'
import { NO_RULE, RuleField, ruleOf } from '../releases/rule.tsx'
import { momentIn } from '../releases/stages.tsx'
import { t } from '../words/index.ts'

interface DraftArm {
  readonly name: string
  /** Empty: as without the experiment. */
  readonly version: string
  readonly percent: string
}

/** The newest version against what there is without it. */
const firstArms = (newest: number): readonly DraftArm[] => [
  { name: `v${newest}`, version: `${newest}`, percent: '45' },
  { name: 'control', version: '', percent: '45' },
]

/** Versions of a task against each other. */
export function BeginExperiment() {
  const { ask } = useHere()
  const found = useLoaded(() => ask(taskVersionsSchema, '/tasks'))
  return (
    <div class="panels">
      <Title>{t.experiments.add}</Title>
      <WhenLoaded of={found}>
        {({ versions }) => {
          const approved = versions.filter((one) => one.approved)
          return approved.length === 0 ? <p>{t.form.noneApproved}</p> : <Form approved={approved} />
        }}
      </WhenLoaded>
    </div>
  )
}

function Form({ approved }: { approved: readonly TaskVersion[] }) {
  const { propose } = useHere()
  const names = [...new Set(approved.map(({ name }) => name))].sort()
  const versionsOf = (task: string) =>
    approved.filter(({ name }) => name === task).map(({ version }) => version)
  const [task, setTask] = useState(names[0]!)
  const versions = versionsOf(task)
  const [arms, setArms] = useState(() => firstArms(versions[0]!))
  const [holdout, setHoldout] = useState('10')
  const [seed, setSeed] = useState(() => crypto.randomUUID().slice(0, 8))
  const [rule, setRule] = useState(NO_RULE)
  const [from, setFrom] = useState('')
  const [until, setUntil] = useState('')

  function submit(): void {
    const read = ruleOf(rule)
    if ('wrong' in read) {
      document.getElementById('rule-text')?.focus()
      return
    }
    const [begins, ends] = [momentIn(from), momentIn(until)]
    propose({
      title: t.ask.begin.title(task),
      yes: t.ask.begin.yes,
      change: {
        order: {
          ...{ type: 'experiment', task, rule: read.rule, seed, holdout: Number(holdout) },
          arms: arms.map(({ name, version, percent }) => ({
            name,
            task: version === '' ? null : { version: Number(version) },
            percent: Number(percent),
          })),
          ...(begins !== undefined && { from: begins }),
          ...(ends !== undefined && { until: ends }),
        },
      },
      done: () => {
        location.hash = '#/experiments'
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
          <select
            {...field}
            value={task}
            {...typed((name) => {
              setTask(name)
              setArms(firstArms(versionsOf(name)[0]!))
            })}
          >
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <ArmsField arms={arms} versions={versions} change={setArms} />
      <PercentField id="holdout" label={t.form.holdout} value={holdout} change={setHoldout} />
      <Field id="seed" label={t.form.seed} about={t.form.seedAbout}>
        {(field) => <input {...field} type="text" required maxLength={80} value={seed} {...typed(setSeed)} />}
      </Field>
      <RuleField rule={rule} change={setRule} />
      <Field id="from" label={t.form.begins}>
        {(field) => <input {...field} type="datetime-local" value={from} {...typed(setFrom)} />}
      </Field>
      <Field id="until" label={t.form.until}>
        {(field) => <input {...field} type="datetime-local" value={until} {...typed(setUntil)} />}
      </Field>
      <button type="submit" class="button primary">
        {t.form.try}
      </button>
    </form>
  )
}

interface ArmsFieldProps {
  arms: readonly DraftArm[]
  versions: readonly number[]
  change: (arms: readonly DraftArm[]) => void
}

function ArmsField({ arms, versions, change }: ArmsFieldProps) {
  const set = (i: number, part: Partial<DraftArm>) =>
    change(arms.map((arm, at) => (at === i ? { ...arm, ...part } : arm)))
  return (
    <fieldset class="rows">
      <legend>{t.form.arms}</legend>
      {arms.map((arm, i) => (
        <div key={i} class="row">
          <Field id={`arm-name-${i}`} label={t.form.armName(i + 1)}>
            {(field) => (
              <input
                {...field}
                type="text"
                required
                pattern="[a-z][a-z0-9\-]*"
                value={arm.name}
                {...typed((name) => set(i, { name }))}
              />
            )}
          </Field>
          <Field id={`arm-version-${i}`} label={t.form.armVersion(i + 1)}>
            {(field) => (
              <select {...field} value={arm.version} {...typed((version) => set(i, { version }))}>
                <option value="">{t.form.asWithout}</option>
                <VersionOptions versions={versions} />
              </select>
            )}
          </Field>
          <PercentField
            id={`arm-percent-${i}`}
            label={t.form.armPercent(i + 1)}
            value={arm.percent}
            change={(percent) => set(i, { percent })}
          />
        </div>
      ))}
      <div class="actions">
        <button
          type="button"
          class="button plain"
          onClick={() => change([...arms, { name: '', version: `${versions[0]}`, percent: '0' }])}
        >
          {t.form.moreArms}
        </button>
        {arms.length > 1 && (
          <button type="button" class="button plain" onClick={() => change(arms.slice(0, -1))}>
            {t.form.fewerArms}
          </button>
        )}
      </div>
    </fieldset>
  )
}
