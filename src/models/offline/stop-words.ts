/** Words that carry grammar or the act of asking, not the subject, in the languages that seed sets are mostly written in. */
const lists = {
  english: `a about above after again against all also am an and another any are around as at away back be because been before being below
    between both but by came can cannot could did do does doing done down during each else etc even ever every few for from further get gets
    getting give given gives go goes going got had has have having he her here hers him his how however i if in instead into is it its itself
    just keep kind know known least let like made make makes making many matter me mine more most much must my myself need needs neither never
    no nor not now of off often on once one only onto or other others our ours out over own part per please put quite rather really same say
    says see shall she should so some something still such take taken takes than that the their theirs them themselves then there these they
    thing things this those though through thus to together too toward towards under until up upon us use used uses using very want was way
    we well went were what when where whether which while who whole whom whose why will with within without would yes yet you your yours
    answer ask asked classify compose convert create define describe detail details discuss edit elaborate explain example examples find
    following generate identify instruction know list mention mentioned name output paragraph provide question rewrite said select sentence
    sentences short show suggest summarize summary tell text think three two word words write don't doesn't isn't can't i'm it's what's
    alone altogether asked badly begin best better bring brings case causes change changes come comes common decide decides deal depend depends difficult easy end ends exactly finish
    first good happen happens hard hardest help helps important important involved last learn little long look main means moment notice place point points possible really rest
    right second simple simply smallest start started starts step steps stop style time times tips today understand usually way ways work worked
    works worst worth wrong`,
  german: `aber als am an auch auf aus bei bin bis bitte da damit das dass dein dem den der des die dies diese dieser dir du durch ein eine einem
    einen einer eines er erkläre erklären es für gib haben hat ich ihr im in ist kann können man mein mich mir mit nach nicht noch nur oder ohne
    schreibe sein sich sie sind so soll über um und uns unter vom von vor war warum was wenn wer werden wie wir wird wo wurde zu zum zur zwischen`,
  french: `au aux avec ce ces cette comment dans de des du elle en entre est et être explique expliquez il ils je la le les leur mais me mes mon ne
    nous ou où par pas plus pour pourquoi qu que quel quelle quels quelles qui quoi sa sans se ses son sont sur ta tu un une vous c'est`,
  romance: `al como cómo con cuál cuáles cuando da das del della di do dos el ella em entre es esta este explica explique há il la las lo los más
    na no nel o os para per perché pero por porque qual quando que qué quem se sem si sin sobre son su sua sus tu um uma un una unos y você yo`,
  dutch: `de dat deze die een en er het hoe ik je jij kan met naar niet of om op te uit van voor waarom wat we wij worden zijn`,
  russian: `а без бы был в вы где для до его ее если есть же за и из или им их к как какие какой когда кто ли мне мы на не нет но о об объясни он она
    они от по почему при про с со так такое то только ты у что чтобы это я`,
  arabic: `أن أو إلى إن اشرح الذي التي ثم على عن عند في قد كان كل كيف لا لم لماذا ما ماذا مع من هذا هذه هل هو هي و يا`,
  hindi: `और का की के को कि कैसे क्या क्यों तो पर में यह ये वह से है हैं हो`,
  chinese: `一个 一些 不同 为什么 以及 什么 他们 你们 具体 列出 可以 哪些 如何 对于 怎么 怎样 我们 描述 是否 写出 解释 说明 请问 进行 这个 那个 關於 什麼 為什麼 說明 解釋 我們 如何`,
  japanese: `何故 説明 教え 方法 理由 書い`,
  korean: `그리고 대한 대해 무엇 설명 수 어떻게 왜 있는 것 및`,
};

const stopWords = new Set(Object.values(lists).flatMap((list) => list.split(/\s+/)));

/** Whether a folded word (see `fold`) says nothing of the subject. */
export function isStopWord(key: string): boolean {
  return stopWords.has(key);
}
