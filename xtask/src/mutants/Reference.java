import com.sun.source.util.JavacTask;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.List;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.ToolProvider;

/** Says of each file named on standard input whether javac's parser accepts it. */
public class Reference {
    public static void main(String[] arguments) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println(accepts(compiler, Path.of(line.split("\t")[0])) ? 1 : 0);
        }
    }

    private static boolean accepts(JavaCompiler compiler, Path path) throws IOException {
        var problems = new DiagnosticCollector<JavaFileObject>();
        try (var files = compiler.getStandardFileManager(problems, null, null)) {
            var task = (JavacTask) compiler.getTask(
                    null, files, problems, List.of("-proc:none"), null, files.getJavaFileObjects(path));
            task.parse();
            return problems.getDiagnostics().stream()
                    .noneMatch(problem -> problem.getKind() == Diagnostic.Kind.ERROR);
        }
    }
}
