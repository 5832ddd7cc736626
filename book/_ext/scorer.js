// Sphinx's own scores, but what stands on an API page comes after the book's pages.
var Scorer = {
  score: ([docname, title, anchor, descr, score, filename]) =>
    docname.startsWith("book/api/") ? score - 100 : score,
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
