"""The pages of what chooses fields or their values."""

from collections.abc import Callable

from ..lightfmp.arms import FEW, LITERAL, ONE_PASS, STREAM
from ..show.drawing import Drawing
from . import fields, forms
from .entry import OTHER_WALK, TABLE2, TABLE5, WALK, Entry


def _ranked(title: str, score: str, then: str = "train anew on these") -> Callable[[], Drawing]:
    return lambda: fields.ranked_way(title, score, then)


OF_FIELDS: dict[str, Entry] = {
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
}
