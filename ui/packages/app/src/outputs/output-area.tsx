// The outputs of one cell's last execution, each behind an error boundary of its own.
import { memo, useCallback } from "react";
import { ErrorBoundary } from "../error-boundary";
import { parseBundle } from "../model/mime";
import { type OutputRow, useNotebookId, useOutputs, useStore, useStreamedText } from "../notebook/state";
import { ErrorOutput } from "./error-output";
import { LazyMarkdown } from "./lazy-markdown";
import { RichOutput } from "./rich-output";
import { TerminalOutput } from "./terminal-output";

interface OutputAreaProps {
  readonly executionId: string;
  /** The execution ended with an error of its own; a KeyboardInterrupt in any other is what somebody asked for. */
  readonly failed: boolean;
}

export function OutputArea({ executionId, failed }: OutputAreaProps) {
  const outputs = useOutputs(executionId);
  if (outputs.length === 0) return null;
  return (
    <section className="outputs" data-testid="outputs" aria-label="Output">
      {outputs.map((output) => (
        <ErrorBoundary key={output.id} what="This output">
          <Output output={output} failed={failed} />
        </ErrorBoundary>
      ))}
    </section>
  );
}

const Output = memo(function Output({ output, failed }: { readonly output: OutputRow; readonly failed: boolean }) {
  const notebookId = useNotebookId();
  switch (output.kind) {
    case "stream":
      return <StreamOutput outputId={output.id} stream={output.stream ?? "stdout"} />;
    case "markdown":
      return <MarkdownOutput outputId={output.id} />;
    case "error": {
      const name = output.errorName ?? "Error";
      const interrupted = name === "KeyboardInterrupt" && !failed;
      return <ErrorOutput name={name} value={output.errorValue ?? ""} traceback={output.traceback ?? "[]"} interrupted={interrupted} />;
    }
    default: {
      const bundle = output.bundle === null ? null : parseBundle(output.bundle);
      if (bundle === null) return <p className="output-note">This output is damaged.</p>;
      return (
        <div data-testid={output.kind === "result" ? "output-result" : "output-display"}>
          <RichOutput notebookId={notebookId} executionId={output.executionId} bundle={bundle} metadata={output.metadata} />
        </div>
      );
    }
  }
});

function StreamOutput({ outputId, stream }: { readonly outputId: string; readonly stream: string }) {
  const store = useStore();
  const feed = useCallback((write: (text: string, fromStart: boolean) => void) => store.subscribeText(outputId, write), [store, outputId]);
  return <TerminalOutput feed={feed} className={stream} testId={`output-${stream}`} />;
}

function MarkdownOutput({ outputId }: { readonly outputId: string }) {
  return <LazyMarkdown source={useStreamedText(outputId)} />;
}
