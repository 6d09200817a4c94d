import { useState } from 'preact/hooks';
import { savePlan, uploadPlanImage, type SeenPlan } from '../api/floor-plans.ts';
import type { Doorway } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { doorwayName } from '../live/doorway-names.ts';
import { spaceName, spaces } from '../live/live-spaces.ts';
import { ImageField, TextField } from '../parts/fields.tsx';
import { textOf } from '../use-answer.ts';
import { Canvas, type Chosen } from './canvas.tsx';
import type { Point } from './plan-picture.tsx';
import {
  bodyOfDrawn,
  CORNERS_MIN,
  drawnOn,
  without,
  withoutLast,
  withPoint,
  type Drawn,
  type Kind,
} from './drawing.ts';

interface PlanEditorProps {
  readonly seen: SeenPlan;
  readonly doorways: ReadonlyMap<number, Doorway>;
  /** @param text what was done; undefined if nothing was saved */
  readonly onEnd: (text?: string) => void;
}

export function PlanEditor({ seen: { plan, etag: seenEtag }, doorways, onEnd }: PlanEditorProps) {
  const [etag, setEtag] = useState(seenEtag);
  const [name, setName] = useState(plan.name);
  const [drawn, setDrawn] = useState(() =>
    drawnOn(plan, (kind, id) => (kind === 'space' ? spaces.value.has(id) : doorways.has(id))),
  );
  const [chosen, setChosen] = useState<Chosen>();
  const [isFirst, setFirst] = useState(true);
  const [file, setFile] = useState<File>();
  const [problem, setProblem] = useState<string>();
  const nameOf = (kind: Kind, id: number): string => (kind === 'space' ? spaceName(id) : doorwayName(doorways, id));
  const choose = (what: Chosen | undefined): void => {
    setChosen(what);
    setFirst(true);
  };
  const onPoint = (point: Point): void => {
    if (!chosen) return;
    setDrawn((before) => withPoint(before, chosen.kind, chosen.id, point, isFirst));
    setFirst(false);
  };
  const onUndo = (): void => {
    if (chosen) setDrawn((before) => withoutLast(before, chosen.kind, chosen.id));
  };
  const save = async (): Promise<void> => {
    const unfinished = [...drawn.spaces].find(([, points]) => points.length < CORNERS_MIN);
    if (unfinished) throw new Error(messages.tooFewCorners(spaceName(unfinished[0])));
    setEtag(await savePlan(plan.id, { name, ...bodyOfDrawn(drawn) }, etag));
    if (file) await uploadPlanImage(plan.id, file);
    onEnd(messages.planSaved(name));
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    save().catch((error: unknown) => setProblem(textOf(error)));
  };
  return (
    <form class="panel stack" onSubmit={submit}>
      <div class="span-form">
        <TextField label={messages.name} value={name} onChange={setName} />
        <ImageField label={messages.replaceImage} isOptional onChange={setFile} />
        <ObjectChoice
          drawn={drawn}
          doorways={doorways}
          chosen={chosen}
          onChange={choose}
          onRemove={({ kind, id }) => {
            setDrawn(without(drawn, kind, id));
            setFirst(true);
          }}
        />
      </div>
      <p class="hint" id="drawing-hint">
        {chosen?.kind === 'doorway' ? messages.drawDoorwayHint : messages.drawSpaceHint} {messages.drawKeysHint}
      </p>
      <Canvas {...{ plan, drawn, chosen, nameOf, onPoint, onUndo }} />
      <p class="problem" role="alert">
        {problem}
      </p>
      <div class="buttons">
        <button type="submit" class="button is-primary">
          {messages.save}
        </button>
        <button type="button" class="button" onClick={() => onEnd()}>
          {messages.cancel}
        </button>
      </div>
    </form>
  );
}

interface ObjectChoiceProps {
  readonly drawn: Drawn;
  readonly doorways: ReadonlyMap<number, Doorway>;
  readonly chosen: Chosen | undefined;
  readonly onChange: (chosen: Chosen | undefined) => void;
  readonly onRemove: (chosen: Chosen) => void;
}

/** What is drawn next. What is on the plan already has a mark. */
function ObjectChoice({ drawn, doorways, chosen, onChange, onRemove }: ObjectChoiceProps) {
  const choose = (value: string): void => {
    const [kind, id] = value.split(' ');
    onChange(kind === 'space' || kind === 'doorway' ? { kind, id: Number(id) } : undefined);
  };
  const option = (kind: Kind, id: number, name: string, isDrawn: boolean) => (
    <option key={id} value={`${kind} ${id}`}>
      {isDrawn ? `${name} ✓` : name}
    </option>
  );
  return (
    <>
      <label class="field">
        <span>{messages.drawWhat}</span>
        <select
          value={chosen ? `${chosen.kind} ${chosen.id}` : ''}
          onChange={(event) => choose(event.currentTarget.value)}
        >
          <option value="">{messages.choose}</option>
          <optgroup label={messages.spaces}>
            {[...spaces.value].map(([id, { space }]) => option('space', id, space.value.name, drawn.spaces.has(id)))}
          </optgroup>
          <optgroup label={messages.doorways}>
            {[...doorways].map(([id, { name }]) => option('doorway', id, name, drawn.doorways.has(id)))}
          </optgroup>
        </select>
      </label>
      {chosen ? (
        <button type="button" class="button" onClick={() => onRemove(chosen)}>
          {messages.removeFromPlan}
        </button>
      ) : null}
    </>
  );
}
