/**
 * Words that alone say nothing, in the languages that Flux knows, but for Hindi; without those that say something in English,
 * as "die". Japanese ones are pieces, as `spaced` cuts them. Data.
 */

export const COMMON_WORDS: ReadonlySet<string> = new Set(
  `
i you he she it we they me my your his her our their a an the is am are was were be been do does did have has had can could will would
shall should may might must not no to of in on at for from with by and or but so if that this there here what who how when where why
some any all just very too lot having took take get got want need help call please
ich du er sie es wir ihr mich mir uns mein meine meinen dein ihre ein eine einen einem einer der das den dem des ist sind
waren sein habe haben hatte kann können könnte will würde möchte soll muss nicht kein keine keinen zu von in im an am auf für aus mit
bei und oder aber so wenn dass dies hier da was wer wie wann wo warum alle nur sehr viel bitte brauche hilfe ja nein
yo tú él ella usted nosotros me mi su un una unos el la los las lo es soy era está estoy están ser he ha hay tengo tiene tener puedo
puede poder quiero quiere necesito debo no sí que de del en por para con sin y o pero si este esta esto aquí qué quién cómo cuándo dónde
muy mucho más ayuda favor al se le
je tu il elle nous vous on moi mon ma mes ton votre un une des le la les l d est suis sont était être ai as avons avez ont avoir peux
peut veux veut voudrais dois pas ne non oui que qui de du à au en pour par avec sans et ou mais si ce cette ça ici quoi comment quand où
pourquoi très trop tout beaucoup aide qu c j n s m y a
eu tu ele ela você nós meu minha seu sua um uma o os as é sou são era está estou ser tem tenho ter posso pode quero quer preciso devo
não sim que de do da no na em por para com sem e ou mas se este esta isso aqui quem como quando onde muito mais ajuda
io lui lei noi mio mia suo sua un uno una il lo la i gli le è sono era essere ho ha hanno avere posso può voglio vorrei devo non no sì
che di del della in nel per con senza e o ma se questo questa qui cosa chi come quando dove molto più aiuto c l un
ik jij hij zij wij mijn jouw haar ons een de het is ben zijn was heb heeft hebben had kan kunnen wil zou moet niet geen ja nee te in
op aan voor uit met bij en of maar als dat dit hier wat wie hoe wanneer waar heel veel hulp graag er
я ты он она мы вы меня мне мой моя у нас это есть был была быть могу может хочу надо нужно не нет да что в на с за для от и или но если
здесь кто как когда где очень много помощь
は が を に で と も の へ や か ね よ な て た し い り れ ら ん から まで です でした ます ました ま まし ませ せん ありま あり ある いる する した して
ですが です が んで んです くだ さい ください お ご それ これ あれ その この どこ いつ 何 誰 どう どの もう 私 はい いいえ お願い 助け てい ない こと
`.trim().split(/\s+/),
);
