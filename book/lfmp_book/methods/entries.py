"""Every method of the library, a page each: its name, its drawing, its formula, what it is good for.

What a page says of a method besides comes from its docstrings and settings, and from records.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..lers.grids import CACHED, ORIGINAL, SMALLER, SMALLER_IN_BYTES
from ..lightfmp.arms import FEW, LITERAL, ONE_PASS, STREAM
from ..show.drawing import Drawing
from . import fields, forms

Kind = Literal["fields", "table", "bits", "control"]
KINDS: dict[Kind, str] = {
    "fields": "What chooses fields or their values",
    "table": "What makes the table smaller",
    "bits": "What follows any of them",
    "control": "What they are held against",
}


@dataclass(frozen=True)
class Entry:
    """One page.

    Attributes:
        title: as people call it. kind: of `KINDS`. drawing: makes its drawing.
        formula: in TeX. good: by its form, whatever records say: where it suits and where it does not.
        methods, tables: what it is, by the names of the two registries.
        arms: its labels in the records that the guide knows. cites: keys of the bibliography.
        pages: notebooks that show more of it.
    """

    title: str
    kind: Kind
    drawing: Callable[[], Drawing]
    formula: str
    good: str
    methods: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


def _ranked(title: str, score: str, then: str = "train anew on these") -> Callable[[], Drawing]:
    return lambda: fields.ranked_way(title, score, then)


TABLE2, TABLE5 = "lightfmp_table2_overall", "lers_table5_ctr"
WALK, OTHER_WALK = "lightfmp_walkthrough", "lers_walkthrough"

ENTRIES: dict[str, Entry] = {
    "light_fmp": Entry(
        "Light-FMP",
        "fields",
        fields.light_fmp_way,
        r"z = \min(1, \max(0, s(\zeta - \gamma) + \gamma)),\quad"
        r" s = \sigma\big(\tfrac1\beta(\log\tfrac{u}{1-u} + \log\alpha)\big),\quad"
        r" \mathcal L = \mathcal L_{\mathrm{CTR}} + \lambda(\bar z - \tau) + \phi(\bar z - \tau)^2",
        "It fits where a long training follows, beside which a pretraining on few rows costs nothing. On "
        "few rows seen often, gates favour columns of many values, which a model can learn by heart; with "
        "the paper's one small learning rate the order of the gates stays close to that of their draw.",
        methods=("light_fmp",),
        arms=(LITERAL, FEW, ONE_PASS),
        cites=("bui2026lightfmp", "louizos2017l0", "xia2023sheared"),
        pages=(WALK, TABLE2, "lightfmp_table3_backbones", "lightfmp_fig3_mask", "planted_recovery"),
    ),
    "light_fmp_stream": Entry(
        "Light-FMP in one pass",
        "fields",
        fields.stream_way,
        r"\frac1m\sum_f \mathbb E[z_f] = 1 - \tau\,\min(1, k/K) \quad\text{after each step } k",
        "It fits where a single pass is all that a log allows: nothing is set apart and no row is seen "
        "twice. A first stretch that is not like the rest makes a wrong choice, and nothing takes it back.",
        methods=("light_fmp_stream",),
        arms=(STREAM,),
        cites=("bui2026lightfmp",),
        pages=("lightfmp_open_questions", TABLE2),
    ),
    "light_fmp_regrow": Entry(
        "Light-FMP with regrowing",
        "fields",
        fields.regrow_way,
        r"\text{swap } f \notin K \text{ for } g \in K \text{ where the validation loss says so, once}",
        "It fits where the choice was made on few rows and more of them come later. What comes back does "
        "so untrained.",
        methods=("light_fmp_regrow",),
        cites=("bui2026lightfmp",),
        pages=("lightfmp_open_questions",),
    ),
    "lasso": Entry(
        "Lasso",
        "fields",
        _ranked("Lasso: the weights of a sparse linear model", "|w| of a Lasso on the click"),
        r"\min_w \tfrac{1}{2N}\lVert y - \bar y - Xw\rVert^2 + \alpha\lVert w\rVert_1",
        "It costs seconds and sees every row. It sees no interaction, so that of two fields which only "
        "matter together it may lose both.",
        methods=("lasso",),
        arms=("Lasso",),
        cites=("tibshirani1996lasso", "jia2024erase"),
        pages=(TABLE2, "planted_recovery"),
    ),
    "trees": Entry(
        "Trees: GBDT, XGBoost, random forest",
        "fields",
        _ranked("Trees: what their splits, or they themselves, lose", "what trees lose without the field"),
        r"s_f = \overline{\tfrac{G_L^2}{H_L+\lambda} + \tfrac{G_R^2}{H_R+\lambda} - \tfrac{G^2}{H+\lambda}}"
        r" \;\text{ (XGBoost)},\qquad s_f = \mathrm{AUC} - \mathrm{AUC}_{f\text{ shuffled}} \;\text{ (GBDT)}",
        "They see interactions and take minutes at most. Impurity on training rows favours fields of many "
        "values; shuffling on validation rows does not.",
        methods=("gbdt", "xgboost", "random_forest"),
        arms=("GBDT", "XGBoost", "random forest"),
        cites=("friedman2001greedy", "chen2016xgboost", "breiman2001forests"),
        pages=(TABLE2, "planted_recovery"),
    ),
    "permutation": Entry(
        "Permutation",
        "fields",
        _ranked("Permutation: what a forest loses when a field is shuffled", "AUC lost when shuffled"),
        r"s_f = \mathrm{AUC} - \mathrm{AUC}_{f\text{ shuffled}} \quad\text{on validation rows}",
        "It asks a trained model the very question, on rows that it has not seen. Of two fields that say "
        "the same, neither is missed.",
        methods=("permutation",),
        arms=("permutation",),
        cites=("breiman2001forests", "jia2024erase"),
        pages=(TABLE2, "planted_recovery"),
    ),
    "pca": Entry(
        "PCA",
        "fields",
        _ranked("PCA: the variance that leading components explain", "variance explained"),
        r"s_f = \sum_k \lambda_k v_{kf}^2 \quad\text{over the leading components}",
        "It sees no clicks, and so finds fields that repeat each other, useful or not: a control more than "
        "a selector.",
        methods=("pca",),
        arms=("PCA",),
        cites=("pearson1901pca", "jia2024erase"),
        pages=(TABLE2, "planted_recovery"),
    ),
    "autofield": Entry(
        "AutoField",
        "fields",
        _ranked("AutoField: keep or drop, learnt on validation rows", "keep − drop logit"),
        r"p_f = \operatorname{softmax}\big((l_f + g_f)/t\big),\qquad e'_f = p_f^{\mathrm{keep}}\, e_f",
        "Its gates are asked about rows that the weights were not trained on. It needs many steps of the "
        "logits, and a temperature that falls at the right pace.",
        methods=("autofield",),
        arms=("AutoField",),
        cites=("wang2022autofield",),
        pages=(TABLE2, "planted_recovery"),
    ),
    "lpfs": Entry(
        "LPFS",
        "fields",
        _ranked("LPFS: gates that polarise", "|gate|, thin at 0, flat at 1"),
        r"g(x) = \frac{x|x|}{x^2 + \varepsilon} + \alpha\,\varepsilon^{1/\tau}\arctan(x),"
        r"\qquad \varepsilon \to 0",
        "Gates end at 0 or 1 by themselves, without a threshold. How fast ε falls decides whether they "
        "have time to part.",
        methods=("lpfs",),
        arms=("LPFS",),
        cites=("guo2022lpfs", "jia2024erase"),
        pages=(TABLE2, "planted_recovery"),
    ),
    "sfs": Entry(
        "SFS",
        "fields",
        _ranked("SFS: one look at the gradients of the gates", "|∂L/∂g| at g = 1"),
        r"s_f = \big|\,\partial L / \partial g_f\,\big|_{g = 1} \quad\text{on validation rows}",
        "One training of the whole model and one pass say all, for every share at once. A gradient speaks "
        "of a small change, and a field that goes is a large one.",
        methods=("sfs",),
        arms=("SFS",),
        cites=("wang2023sfs", "jia2024erase"),
        pages=(TABLE2, "planted_recovery"),
    ),
    "shark": Entry(
        "SHARK",
        "fields",
        _ranked("SHARK: the mean vector in place of a field's own", "first-order change of the loss"),
        r"s_f = \Big|\,\mathbb E\big[\nabla_{e_f} L \cdot (\bar e_f - e_f)\big]\Big|",
        "As SFS, but it asks what the field's own values add to their mean, so that a constant column "
        "scores nothing.",
        methods=("shark",),
        arms=("SHARK",),
        cites=("zhang2023shark", "jia2024erase"),
        pages=(TABLE2, "planted_recovery"),
    ),
    "adafs": Entry(
        "AdaFS",
        "fields",
        fields.row_gates,
        r"e'_f = w_f \cdot \mathrm{BN}(e_f),\qquad"
        r" w = \operatorname{softmax}(\mathrm{controller}(e_1, \dots, e_m))",
        "It weighs fields anew for each row, so that it adds to the model instead of taking from it: "
        "neither bytes nor seconds are saved, soft or hard.",
        methods=("adafs",),
        arms=("AdaFS, soft", "AdaFS, hard"),
        cites=("lin2022adafs",),
        pages=(TABLE2,),
    ),
    "mvfs": Entry(
        "MvFS",
        "fields",
        fields.row_gates,
        r"s_f = \tfrac12\big(1 + \tanh(t\,(I_f - l))\big),\qquad I = \sum_k r_k c^k,\qquad e'_f = s_f e_f",
        "As AdaFS, with several views that are mixed; nothing is removed, and the gates add to the size.",
        methods=("mvfs",),
        arms=("MvFS",),
        cites=("lee2023mvfs",),
        pages=(TABLE2,),
    ),
    "optfs": Entry(
        "OptFS",
        "fields",
        fields.value_gates,
        r"g_i = \sigma(T c_i)/\sigma(\tfrac12),\qquad"
        r" \mathcal L = \mathrm{BCE} + \lambda\sum_i \sigma(T c_i)",
        "It removes values rather than fields, where most rows of a table are rare. λ decides how much "
        "stays, so that no size can be asked for; what is served needs an index.",
        methods=("optfs",),
        arms=("OptFS",),
        cites=("lyu2023optfs",),
        pages=(TABLE2,),
    ),
    "optembed": Entry(
        "OptEmbed",
        "table",
        forms.optembed_form,
        r"m_i = [\lVert e_i\rVert_1 > t_f],\qquad e'_i = m_i\,(e_{i1}, \dots, e_{i w_f}, 0, \dots, 0)",
        "It decides on rows and on widths together, and one supernet serves every size. Evolution looks at "
        "many widths on validation rows, so its own figures there are a little too high; it trains twice. "
        "For users and items every row has a width of its own (OptEmbed-D).",
        methods=("optembed", "optembed_budget", "optembed_d"),
        arms=("OptEmbed",),
        cites=("lyu2022optembed", "tran2025thorough"),
        pages=(TABLE5, TABLE2, OTHER_WALK),
    ),
    "smaller_dense": Entry(
        "A smaller dense table",
        "table",
        forms.fewer_dimensions_form,
        r"e_i = E[i] \in \mathbb R^{d},\qquad d < D",
        "Nothing has to be found, nothing added to the code, and training and scoring get faster by the "
        "same share. Whole dimensions are coarse: of 16, 1 is the nearest to a twentieth.",
        methods=("smaller_dense",),
        arms=(SMALLER, SMALLER_IN_BYTES),
        cites=("tran2025thorough",),
        pages=(TABLE5,),
    ),
    "hashing": Entry(
        "Hashing",
        "table",
        forms.hashing_form,
        r"e_i = E[h(i) \bmod b]",
        "Any size can be had, at no cost, and ids never seen need no row. Ids that share a row can't be "
        "told apart, which hurts where each of them is frequent.",
        methods=("table",),
        tables=("hashing",),
        arms=("hashing",),
        cites=("weinberger2009hashing",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "qr": Entry(
        "QR",
        "table",
        forms.qr_form,
        r"e_i = E_1[i \bmod p] \odot E_2[\lfloor i/p \rfloor]",
        "No two ids share their vector, at any size down to about 2√n rows, and a look-up is two rows and "
        "a product. Ids that share a factor are not independent, whatever they mean.",
        methods=("table",),
        tables=("qr",),
        arms=("QR",),
        cites=("shi2020compositional",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "tt_rec": Entry(
        "TT-Rec",
        "table",
        forms.tt_rec_form,
        r"e_i = G_1[i_1]\, G_2[i_2] \cdots G_t[i_t],\qquad i = (i_1, \dots, i_t) \text{ in mixed radix}",
        "It goes far down, since a product of small cores stands for a large table. Each vector has to be "
        "worked out, and digits of an id mean nothing, so that neighbours share slices by accident. A "
        "cache of the most frequent rows helps both.",
        methods=("table",),
        tables=("tt_rec",),
        arms=("TT-Rec", CACHED),
        cites=("yin2021ttrec",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "dhe": Entry(
        "DHE",
        "table",
        forms.dhe_form,
        r"e_i = \mathrm{MLP}\big(2h_1(i)/(M-1) - 1, \dots, 2h_k(i)/(M-1) - 1\big)",
        "Its size does not depend on the number of ids at all, and new ids have a vector at once. The "
        "network is run for every id, in training as in scoring, unless rows are worked out once and kept, "
        "which is a plain table again.",
        methods=("table",),
        tables=("dhe",),
        arms=("DHE",),
        cites=("kang2021dhe",),
        pages=(TABLE5, OTHER_WALK, "lers_code_and_text"),
    ),
    "memcom": Entry(
        "MEmCom",
        "table",
        forms.memcom_form,
        r"e_i = U[i \bmod b] \cdot V[i]\; (+\, W[i])",
        "Shared rows that one number apiece tells apart. A number an id is the floor, "
        "so of 16 dimensions no more than 94 % can go.",
        methods=("table",),
        tables=("memcom",),
        arms=("MEmCom",),
        cites=("pansare2022memcom",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "mixed_dimension": Entry(
        "Mixed dimension",
        "table",
        forms.mixed_dimension_form,
        r"e_i = E_f[i]\, P_f,\qquad d_f = \operatorname{round}(\lambda\, n_f^{-\alpha})",
        "Large fields, most of whose values are rare, get short rows by a rule; nothing is searched. A "
        "number an id is the floor.",
        methods=("table",),
        tables=("mixed_dimension",),
        arms=("mixed dimension",),
        cites=("ginart2021mixed",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "autodim": Entry(
        "AutoDim",
        "table",
        forms.mixed_dimension_form,
        r"\min_\alpha L_{\mathrm{val}},\quad e'_f = \sum_d \operatorname{softmax}\big("
        r"(\log\alpha_f + g)/t\big)_d\,\mathrm{BN}(W_d\, e_f^{(d)}),\quad d_f = \arg\max_d \alpha_{fd}",
        "Widths of fields by gradients instead of by a rule. The search holds all candidates at once; what "
        "it finds may be smaller than what was asked.",
        methods=("autodim",),
        arms=("AutoDim",),
        cites=("zhao2021autodim",),
        pages=(TABLE5,),
    ),
    "sseds": Entry(
        "SSEDS",
        "table",
        forms.columns_of_fields_form,
        r"s_{fd} = \mathbb E\,\big|\,\partial L / \partial \alpha_{fd}\,\big|_{\alpha = 1}",
        "One training and one pass of gradients serve every size. Columns of a field are stored without an "
        "index, so its bytes are its numbers. One-shot scores of a trained table say little where nearly "
        "all goes.",
        methods=("sseds",),
        arms=("SSEDS",),
        cites=("qu2022sseds",),
        pages=(TABLE5,),
    ),
    "pep": Entry(
        "PEP",
        "table",
        forms.pep_form,
        r"\hat e = \operatorname{sign}(v)\,\max(0, |v| - \sigma(s))",
        "Single numbers go, wherever they are, and what stays is trained again from its start. An index of "
        "a few bytes a row comes on top, which weighs most where nearly all goes.",
        methods=("pep",),
        arms=("PEP",),
        cites=("liu2021pep",),
        pages=(TABLE5, OTHER_WALK, "lers_code_and_text"),
    ),
    "magprune": Entry(
        "MagPrune",
        "table",
        forms.magprune_form,
        r"\hat e_{ij} = e_{ij}\,\big[\,|e_{ij}| \text{ among the } (1 - t)nD \text{ largest}\,\big]",
        "One training serves every size, and nothing has to be tuned. Nothing is trained afterwards "
        "either, so it loses most where most goes; large numbers are those of frequent ids.",
        methods=("magprune",),
        arms=("MagPrune",),
        cites=("tran2025thorough",),
        pages=(TABLE5, OTHER_WALK, "lers_fig2_frequency", "lers_fig6_weight_decay", "lers_fig5_nmin"),
    ),
    "deeplight": Entry(
        "DeepLight",
        "table",
        forms.deeplight_form,
        r"R_k = t\,(1 - 0.01^{k/K}) \quad\text{at zero after step } k \text{ of } K",
        "It prunes while it trains, so that what stays adapts; one training, and what went too early may "
        "grow back.",
        methods=("deeplight",),
        arms=("DeepLight",),
        cites=("deng2021deeplight",),
        pages=(TABLE5,),
    ),
    "dsl": Entry(
        "DSL",
        "table",
        forms.dsl_form,
        r"\text{drop the } \rho \text{ smallest } |w|,\ \text{grow as many"
        r" of largest } |\partial L/\partial w|",
        "No step holds more than the budget, so training is as small as serving. It starts with random "
        "places, and has to find better ones in the passes that there are.",
        methods=("dsl",),
        arms=("DSL",),
        cites=("wang2024dsl",),
        pages=(TABLE5,),
    ),
    "cerp": Entry(
        "CERP",
        "table",
        forms.cerp_form,
        r"e_i = \hat P[i \bmod b] + \hat Q[\lfloor i/\lceil n/b\rceil\rfloor],\qquad"
        r" L_p = -\lVert\tanh(\eta X)\rVert_F^2",
        "Composition and pruning together: few rows, and zeros in them. Two masks and two sums, and a "
        "regulariser whose weight has to be found.",
        methods=("cerp",),
        arms=("CERP",),
        cites=("liang2023cerp",),
        pages=(TABLE5, OTHER_WALK),
    ),
    "quantise": Entry(
        "Few bits a number",
        "bits",
        forms.quantised_form,
        r"\hat w = o + s\,q,\qquad q \in \{0, \dots, 2^b - 1\},\qquad |w - \hat w| \le s/2",
        "It follows any method, needs no training, and multiplies with what that one saved: eight bits are "
        "a quarter of the bytes, four an eighth. Few even steps fit badly where a field has a few large "
        "numbers.",
        methods=("quantise",),
        cites=("jacob2018quantization",),
        pages=(OTHER_WALK, "your_data"),
    ),
    "whole": Entry(
        "The whole model",
        "control",
        forms.full_form,
        r"e_i = E[i] \in \mathbb R^D",
        "Nothing is removed. What every loss in this book is a loss against.",
        methods=("no_selection",),
        tables=("full",),
        pages=(TABLE5, TABLE2),
    ),
    "random_fields": Entry(
        "Random fields",
        "control",
        fields.at_random,
        r"K \subset \{1, \dots, m\},\quad |K| = m - \lfloor \tau m \rfloor,\quad \text{drawn uniformly}",
        "What a selector has to beat to have selected anything.",
        methods=("random_fields",),
        arms=("random fields",),
        pages=(TABLE2, "planted_recovery"),
    ),
    "recommenders": Entry(
        "Popularity and iALS",
        "control",
        fields.factors,
        r"\min_{x, y} \sum_{ui} w_{ui}(t_{ui} - x_u \cdot y_i)^2"
        r" + \lambda\big(\textstyle\sum_u |x_u|^2 + \sum_i |y_i|^2\big)",
        "What a recommender has to beat: the same items for everybody, and plain factors solved for "
        "without a network.",
        methods=("popularity", "ials"),
        cites=("hu2008implicit",),
        pages=("lers_table6_cf",),
    ),
}

OF_NO_METHOD = (ORIGINAL, "all fields")  # whole models under the names of their tables
