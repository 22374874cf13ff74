// What could not be fetched, and another try.

export function Retry({ problem, onRetry }: { readonly problem: string; readonly onRetry: () => void }) {
  return (
    <p className="output-note" role="alert">
      {problem}{" "}
      <button type="button" className="link-button" onClick={onRetry}>
        Try again
      </button>
    </p>
  );
}
