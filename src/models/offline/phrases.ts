const english = {
  quote: '"{text}"',

  // The candidate's answer: a marker, a first sentence, sentences that serve a dimension of the review, and one that harms accuracy.
  marker: "(offline example {turn})",
  lead: ["What matters here is {topics}.", "In short, look at {topics}.", "Your question comes down to {topics}."],
  usefulness: ["First write down what you know about {topic}, then go on to the rest.", "First decide what you expect of {topic}, then check it."],
  depth: ["This matters because the other points depend on it.", "I mention {topic} because it stands in your own message."],
  creativity: [
    "For example, take the last case of {topic} and go through it slowly.",
    "For example, compare two cases that differ in {topic} alone.",
  ],
  hedge: ["Perhaps it is {topic}, perhaps something else.", "Perhaps {topic} matters, but that is hard to say."],

  // A reviewer's critique. An answer gives or misses a part for each dimension; the part that is missing ends the critique.
  parts: { usefulness: "a first step", relevance: "a direct answer", accuracy: "a clear statement", depth: "a reason", creativity: "an example" },
  limits: "a word on its limits",
  lacks: "The answer says {quote}, but on {topic} it still needs {missing}.",
  shows: "The words {quote} give the reader {given}, but the answer still needs {missing}.",

  // The chairman's instruction, by direction.
  deeper: ["Coming back to {topic}: can you give me {missing}?", "I am not sure about {topic} yet. Can you give me {missing}?"],
  wider: "What should I know about {facet} when it comes to {topic}?",
  facets: ["the cost", "the risks", "the alternatives", "the tools", "the usual mistakes"],
  next: "What should I do next about {topic}?",
};

/** Everything that the offline model can say in one language; see the English phrases for what each is used for. */
export type Phrases = typeof english;

const german: Phrases = {
  quote: "„{text}“",
  marker: "(Offline-Beispiel {turn})",
  lead: ["Hier kommt es auf {topics} an.", "Kurz gesagt geht es um {topics}.", "Im Kern dreht sich deine Frage um {topics}."],
  usefulness: [
    "Schreib zuerst auf, was du über {topic} weißt, und geh dann weiter.",
    "Überlege zuerst, was du von {topic} erwartest, und prüfe es dann.",
  ],
  depth: ["Das ist wichtig, weil die übrigen Punkte davon abhängen.", "{topic} nenne ich, weil es in deiner Nachricht steht."],
  creativity: [
    "Geh zum Beispiel den letzten Fall von {topic} langsam durch.",
    "Vergleiche zum Beispiel zwei Fälle, die sich nur bei {topic} unterscheiden.",
  ],
  hedge: ["Vielleicht liegt es an {topic}, vielleicht an etwas anderem.", "Vielleicht spielt {topic} eine Rolle, aber das ist schwer zu sagen."],
  parts: {
    usefulness: "eine Anleitung",
    relevance: "eine Antwort",
    accuracy: "eine klare Aussage",
    depth: "einen Grund",
    creativity: "ein Beispiel",
  },
  limits: "ein Wort zu ihren Grenzen",
  lacks: "Die Antwort sagt {quote}, aber zu {topic} braucht sie noch {missing}.",
  shows: "Die Worte {quote} geben {given}, aber die Antwort braucht noch {missing}.",
  deeper: ["Noch einmal zu {topic}: Kannst du mir dazu {missing} geben?", "{topic} ist mir noch nicht klar. Gibst du mir dazu bitte {missing}?"],
  wider: "Was sollte ich bei {topic} über {facet} wissen?",
  facets: ["die Kosten", "die Risiken", "die Alternativen", "die Dauer", "typische Fehler"],
  next: "Was sollte ich bei {topic} als Nächstes tun?",
};

const french: Phrases = {
  quote: "« {text} »",
  marker: "(exemple hors ligne {turn})",
  lead: ["L'essentiel ici, c'est {topics}.", "En bref, tout tient à {topics}.", "La question porte surtout sur {topics}."],
  usefulness: ["D'abord, note ce que tu sais de {topic}, puis passe au reste.", "D'abord, décide ce que tu attends de {topic}, puis vérifie-le."],
  depth: ["C'est important parce que les autres points en dépendent.", "Je cite {topic} parce que c'est dans ton message."],
  creativity: ["Par exemple, reprends lentement le dernier cas de {topic}.", "Par exemple, compare deux cas qui ne diffèrent que par {topic}."],
  hedge: ["C'est peut-être {topic}, peut-être autre chose.", "Peut-être que {topic} compte, mais c'est difficile à dire."],
  parts: { usefulness: "un conseil", relevance: "une réponse", accuracy: "une affirmation claire", depth: "une raison", creativity: "un exemple" },
  limits: "un mot sur ses limites",
  lacks: "La réponse dit {quote}, mais sur {topic} il manque encore {missing}.",
  shows: "Les mots {quote} donnent {given}, mais il manque encore {missing}.",
  deeper: ["Pour revenir à {topic} : peux-tu me donner {missing} ?", "Je ne comprends pas encore bien {topic}. Peux-tu me donner {missing} ?"],
  wider: "Que faut-il savoir sur {facet} en ce qui concerne {topic} ?",
  facets: ["le coût", "les risques", "les alternatives", "la durée", "les erreurs courantes"],
  next: "Que faire ensuite à propos de {topic} ?",
};

const spanish: Phrases = {
  quote: "«{text}»",
  marker: "(ejemplo sin conexión {turn})",
  lead: ["Lo importante aquí es {topics}.", "En resumen, hay que mirar {topics}.", "La pregunta se reduce a {topics}."],
  usefulness: ["Primero anota lo que sabes de {topic} y luego sigue con el resto.", "Primero decide qué esperas de {topic} y luego compruébalo."],
  depth: ["Eso importa porque los demás puntos dependen de ello.", "Menciono {topic} porque está en tu mensaje."],
  creativity: ["Por ejemplo, repasa con calma el último caso de {topic}.", "Por ejemplo, compara dos casos que solo difieren en {topic}."],
  hedge: ["Quizás sea {topic}, quizás otra cosa.", "Quizás importe {topic}, pero es difícil decirlo."],
  parts: { usefulness: "un consejo", relevance: "una respuesta", accuracy: "una afirmación clara", depth: "una razón", creativity: "un ejemplo" },
  limits: "una palabra sobre sus límites",
  lacks: "La respuesta dice {quote}, pero sobre {topic} todavía falta {missing}.",
  shows: "Las palabras {quote} dan {given}, pero todavía falta {missing}.",
  deeper: ["Volviendo a {topic}: ¿puedes darme {missing}?", "Todavía no entiendo bien {topic}. ¿Puedes darme {missing}?"],
  wider: "¿Qué debería saber sobre {facet} en cuanto a {topic}?",
  facets: ["el coste", "los riesgos", "las alternativas", "el plazo", "los errores habituales"],
  next: "¿Qué debería hacer después con {topic}?",
};

const chinese: Phrases = {
  quote: "“{text}”",
  marker: "（离线示例{turn}）",
  lead: ["这里的关键是{topics}。", "总之要看{topics}。", "你的问题归根结底在于{topics}。"],
  usefulness: ["首先写下你对{topic}的了解，然后再看其余部分。", "首先想清楚你对{topic}的期望，然后逐一核对。"],
  depth: ["这一点很重要，因为其他几点都取决于它。", "提到{topic}，是因为你的消息里就有它。"],
  creativity: ["例如，慢慢回顾上一次{topic}的情形。", "例如，比较两个只在{topic}上不同的情形。"],
  hedge: ["也许是{topic}，也许是别的原因。", "也许{topic}很重要，但不太好说。"],
  parts: { usefulness: "入手的第一步", relevance: "直接的回答", accuracy: "明确的说法", depth: "一个理由", creativity: "一个例子" },
  limits: "对适用范围的说明",
  lacks: "回答说{quote}，但在{topic}上还缺少{missing}。",
  shows: "{quote}这句话给出了{given}，但还缺少{missing}。",
  deeper: ["回到{topic}：能给我{missing}吗？", "{topic}我还不太明白，能给我{missing}吗？"],
  wider: "说到{topic}，在{facet}方面我应该知道什么？",
  facets: ["费用", "风险", "时间", "工具", "常见错误"],
  next: "关于{topic}，接下来该做什么？",
};

/** The phrases of each language; "other" is any further language, which is answered in plainly marked English. */
export const phrases = { en: english, de: german, fr: french, es: spanish, zh: chinese, other: english };
export type Language = keyof typeof phrases;

/** Fills the gaps of a phrase; what fills them is never read for gaps itself. */
export function fillPhrase(phrase: string, gaps: Readonly<Record<string, string | number>>): string {
  return phrase.replace(/\{(\w+)\}/g, (_, name: string) => String(gaps[name] ?? ""));
}
